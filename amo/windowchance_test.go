package amo

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// chanceAccount is an account with habits and changes chosen by chance.
func chanceAccount(r *rand.Rand, seed uint64) (emulator.Config, emulator.Mutation) {
	account := emulator.Config{
		Customers: r.IntN(700), Seed: seed, Window: -1, Latency: time.Duration(r.IntN(4)) * 150 * time.Millisecond,
		OrderIgnored: r.IntN(4) == 0, UpdatedToExcluded: r.IntN(3) == 0,
		NextLinks: []emulator.NextLinks{0, emulator.NextAlways, emulator.NextNever}[r.IntN(3)],
	}
	if r.IntN(2) == 0 {
		account.SeedSpread, account.SeedSpan = emulator.SeedRandom, time.Duration(1+r.IntN(100_000))*time.Second
		account.SeedBurst = max(r.IntN(500)-250, 0)
	}
	return account, emulator.Mutation{Updates: float64(r.IntN(6)), Inserts: float64(r.IntN(3)), Deletes: float64(r.IntN(3)), Seed: seed}
}

// Whatever the account is like, whatever is done to it and wherever readers stop: who
// goes on to the end and is promised it has what the account held.
func TestWindows_holdWhateverMayBe(t *testing.T) {
	promised := 0
	var seeds []uint64
	for seed := uint64(20); seed < 60; seed++ {
		seeds = append(seeds, seed)
	}
	for _, seed := range append(seeds, 213) { // in which much changes in a second of many pages
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 7))
				account, changes := chanceAccount(r, seed)
				b := newBench(t, account, Config{Generation: V4, PageSize: []int{20, 50, 60, 250}[r.IntN(4)]})
				if r.IntN(3) == 0 {
					addChanged(t, b, burst(time.Now().Add(-time.Duration(r.IntN(1_000))*day), r.IntN(400), 0))
				}
				if changes.Updates > 0 {
					if err := b.Mutate(changes); err != nil {
						t.Fatal(err)
					}
				}
				fault := emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersList, Nth: 2 + r.IntN(20)}}
				if fault.Action.Empty = r.IntN(2) == 0; !fault.Action.Empty {
					fault.Action.Status = http.StatusGatewayTimeout
				}
				b.script(t, fault)
				source := snapshot(b, func(req *http.Request) bool { return isTail(req) && req.URL.Query().Get("page") == "1" })
				var filter *amogatev1.CustomerFilter
				if seed%3 == 0 {
					filter = &amogatev1.CustomerFilter{CreateTime: &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: 1}}}
				}
				got := copied{}
				var from Cursor
				for range r.IntN(4) {
					for row, err := range b.client.Customers().List(filter, ListOptions{From: from}).Rows(t.Context()) {
						if err != nil {
							t.Fatal(err)
						}
						got.apply(row)
						if from = row.Cursor; r.IntN(100) == 0 {
							break
						}
					}
					time.Sleep(time.Duration(r.IntN(20)) * time.Second)
				}
				source.state = nil
				end, _ := copyList(t, b, got, filter, ListOptions{From: from}, 0)
				if end.Completeness == amogatev1.Completeness_COMPLETENESS_WINDOWED && source.state != nil {
					promised++
					wantCopy(t, b.Emulator, got, source.state)
				}
			})
		})
	}
	if promised < 20 {
		t.Errorf("%d lists were promised to be whole", promised)
	}
}
