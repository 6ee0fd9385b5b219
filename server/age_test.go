package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Periods are answered from memory, as old as the caller takes, and tell how old
// they are.
func TestListPeriods_tellsItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Latency: 250 * time.Millisecond}}, Config{})
		api := amogatev1.NewPeriodServiceClient(r.conn)
		for i, step := range []struct {
			// rest comes before the call.
			rest time.Duration
			// maxAge is what the call asks for; empty = nothing.
			maxAge string
			age    string
			reads  int64
		}{
			{0, "", "1250", 1}, // the first slot comes after a second,
			{10 * time.Second, "", "11250", 1},
			{0, "12", "11250", 1},
			{0, "10", "250", 2},
			{0, "0", "250", 3},
			{time.Minute, "999999999", "250", 4},
		} {
			time.Sleep(step.rest)
			ctx := t.Context()
			if step.maxAge != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "amogate-max-age", step.maxAge)
			}
			var header, trailer metadata.MD
			if _, err := api.ListPeriods(ctx, &amogatev1.ListPeriodsRequest{}, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			for name, md := range map[string]metadata.MD{"header": header, "trailer": trailer} {
				if got := strings.Join(md.Get("amogate-age-ms"), " "); got != step.age {
					t.Errorf("call %d: %s says %q, want %q", i, name, got, step.age)
				}
			}
			if got := r.emulator.Stats().ByOperation[emulator.OpPeriodsList]; got != step.reads {
				t.Errorf("call %d: %d reads, want %d", i, got, step.reads)
			}
		}
	})
}

// What a call takes of the account counts, too: its custom fields, for instance.
func TestMaxAge_isThatOfTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 1}}, Config{})
		reads := func() int64 { return r.emulator.Stats().ByOperation[emulator.OpAccount] }
		get := func(maxAge string) metadata.MD {
			t.Helper()
			ctx := metadata.AppendToOutgoingContext(t.Context(), "amogate-max-age", maxAge)
			var header metadata.MD
			if _, err := r.api.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{}, grpc.Header(&header)); err != nil {
				t.Fatal(err)
			}
			return header
		}
		get("60")
		once := reads()
		time.Sleep(30 * time.Second)
		if header := get("60"); reads() != once || len(header.Get("amogate-age-ms")) != 1 || len(header.Get("amogate-age-ms")[0]) != 5 {
			t.Errorf("%d reads, want %d; header %v, want an age of half a minute", reads(), once, header)
		}
		if get("0"); reads() != once+1 {
			t.Errorf("%d reads, want %d", reads(), once+1)
		}
	})
}

func TestMaxAge_isSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewPeriodServiceClient(r.conn)
		for _, values := range [][]string{{""}, {"-1"}, {"1.5"}, {"1s"}, {"1000000000"}, {"+1"}, {"1", "1"}} {
			ctx := t.Context()
			for _, value := range values {
				ctx = metadata.AppendToOutgoingContext(ctx, "amogate-max-age", value)
			}
			_, err := api.ListPeriods(ctx, &amogatev1.ListPeriodsRequest{})
			if p := problemOf(t, err); p.code != "InvalidArgument" || len(p.fields) != 1 || p.fields[0] != "amogate-max-age" {
				t.Errorf("%q: %+v", values, p)
			}
		}
	})
}
