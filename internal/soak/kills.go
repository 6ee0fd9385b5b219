package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
)

const (
	killCount, shortKillCount = 100, 12
	// killLanes is how many kills go on at a time: half of them wait until a lease
	// has ended.
	killLanes = 20
	// shortDivisor divides the durations of short runs.
	shortDivisor = 20
	// killsTimeout bounds the whole program.
	killsTimeout = 30 * time.Minute
)

// points are where a refresh is killed, in order.
var points = []custody.Point{
	custody.BeforeLease, custody.AfterLease, custody.BeforeCall, custody.AfterCall, custody.AfterJournal, custody.AfterCommit,
}

// killTally is what became of the accounts whose refresh was killed at a point.
type killTally struct {
	// kills counts them. Of them recovered went on, lost were told to need a
	// person; the others failed otherwise, other being the first such failure.
	kills, recovered, lost int
	other                  string
}

// kills ends processes with SIGKILL in the middle of a refresh, and has another
// process go on in the same directory. It does so against an upstream that
// exchanges a refresh token again until its pair is used, and against one that
// does not.
func kills(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, killsTimeout)
	defer cancel()
	cluster, err := pgtest.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	in, err := inDatabase(ctx, b.dir, cluster)
	if err != nil {
		return err
	}
	for _, grace := range []bool{true, false} {
		tallies, err := in.killRefreshes(ctx, grace, length(b, killCount, shortKillCount), length[float64](b, 1, shortDivisor))
		if err != nil {
			return err
		}
		reportKills(out, grace, tallies)
	}
	return nil
}

// killRefreshes kills so many refreshes, as many at one point as at another.
func (in *installation) killRefreshes(ctx context.Context, grace bool, count int, divisor float64) (map[custody.Point]*killTally, error) {
	tallies := map[custody.Point]*killTally{}
	for _, p := range points {
		tallies[p] = &killTally{}
	}
	results := make([]usedToken, count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(killLanes)
	for n := range count {
		group.Go(func() (err error) {
			name := fmt.Sprintf("grace-%t-%d", grace, n)
			results[n], err = in.killRefresh(ctx, name, grace, points[n%len(points)], divisor)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for n, u := range results {
		tallies[points[n%len(points)]].add(u)
	}
	return tallies, nil
}

// killRefresh kills one refresh and returns what the next process gets.
func (in *installation) killRefresh(ctx context.Context, name string, grace bool, point custody.Point, divisor float64) (usedToken, error) {
	up, err := newUpstream(emulator.Config{Window: -1, OAuth: emulator.OAuth{Grace: grace}}, slowTokens)
	if err != nil {
		return usedToken{}, err
	}
	defer up.server.Close()
	if err := in.add(ctx, name, up); err != nil {
		return usedToken{}, err
	}
	up.account.ExpireAccess()
	config := replicaConfig{
		Store: in.store, Ring: in.ring, Dir: filepath.Join(in.dir, name), Account: name, Upstream: up.server.URL, Point: point, Divisor: divisor,
	}
	dying, err := startReplica(ctx, config)
	if err != nil {
		return usedToken{}, err
	}
	if u, err := dying.use(); !errors.Is(err, errKilled) {
		return u, errors.Join(fmt.Errorf("the refresh was not killed %s: %+v", point, u), err, dying.stop())
	}
	config.Point = ""
	next, err := startReplica(ctx, config)
	if err != nil {
		return usedToken{}, err
	}
	u, err := next.use()
	return u, errors.Join(err, next.stop())
}

func (t *killTally) add(u usedToken) {
	t.kills++
	switch {
	case u.Failure == "":
		t.recovered++
	case u.Lost:
		t.lost++
	case t.other == "":
		t.other = u.Failure
	}
}

// reportKills prints what became of the tokens. An issuer without grace has used
// the old refresh token up when its answer arrives: whoever dies between that and
// the journal has lost the new one, which nobody can prevent, and which has to be
// told.
func reportKills(out *report, grace bool, tallies map[custody.Point]*killTally) {
	issuer := "strict"
	if grace {
		issuer = "grace"
	}
	var kills, lost, saveable int
	gap := tallies[custody.AfterCall]
	for _, p := range points {
		t := tallies[p]
		out.note(issuer+" "+string(p), fmt.Sprintf("%d kills, %d recovered, %d lost %s", t.kills, t.recovered, t.lost, t.other))
		kills += t.kills
		if p == custody.AfterCall && !grace {
			continue
		}
		saveable += t.kills
		lost += t.kills - t.recovered
	}
	out.figure(issuer+" lost", lost == 0, "= 0", fmt.Sprintf("%d of %d", lost, saveable))
	if !grace {
		out.figure("strict answer lost", gap.recovered+gap.lost == gap.kills, "told as TOKEN_LOST", fmt.Sprintf("%d of %d kills after the answer came and before it was on disk", gap.lost, gap.kills))
	}
	out.note(issuer+" kills", strconv.Itoa(kills))
}
