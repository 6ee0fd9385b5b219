package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/pgtest"
)

const (
	// waitingCallers call at once, all the time.
	waitingCallers = 16
	// expiries is how often the token expires under them. All requests that wait
	// carry the old one then, so each of them leaves twice; expireEvery is long enough
	// for that, since nothing is sent a third time.
	expiries, shortExpiries = 6, 1
	expireEvery             = 20 * time.Second
	// restarts is how often a process is killed and started again, restartEvery
	// and up to a second more after the one before.
	restarts, shortRestarts = 30, 4
	restartEvery            = 1500 * time.Millisecond
	// banFor is how long a ban lasts, banWatch how long it is watched.
	banFor                  = time.Hour
	banWatch, shortBanWatch = 20 * time.Second, 5 * time.Second
	banCallers              = 4
	// restartTimeout bounds the whole program.
	restartTimeout = 20 * time.Minute
)

// restart lets tokens expire under waiting callers, kills processes in the middle
// of a second and during a ban, and counts what arrives. It does so with one
// process on SQLite and with two on PostgreSQL.
func restart(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	cluster, err := pgtest.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	alone, err := newInstallation(ctx, b.dir, "")
	if err != nil {
		return err
	}
	if err := restartFleet(ctx, b, out, "SQLite", alone, 1); err != nil {
		return err
	}
	several, err := inDatabase(ctx, b.dir, cluster)
	if err != nil {
		return err
	}
	return restartFleet(ctx, b, out, "PostgreSQL", several, 2)
}

// restartFleet does all that with one fleet.
func restartFleet(ctx context.Context, b *bench, out *report, engine string, in *installation, size int) (err error) {
	up, err := newUpstream(watched(1000), slowTokens)
	if err != nil {
		return err
	}
	defer up.server.Close()
	f, err := newFleet(ctx, b, in, up, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()

	count := length(b, expiries, shortExpiries)
	calls, err := f.callWhile(ctx, func(ctx context.Context) error {
		for range count {
			pause(ctx, expireEvery)
			up.account.ExpireAccess()
		}
		pause(ctx, expireEvery)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	stats := up.account.Stats()
	name := engine + " expiry"
	reportWindows(out, name, stats)
	out.figure(name+", tokens", stats.Tokens.Calls == int64(count) && stats.Tokens.Revoked == 0, fmt.Sprintf("= %d calls, 0 revoked", count),
		fmt.Sprintf("%d, %d", stats.Tokens.Calls, stats.Tokens.Revoked))
	out.note(name+", refused", fmt.Sprintf("%d requests carried an expired token, of %d", stats.DeadTokens, stats.Requests))
	out.figure(name+", failures", calls.failures() == 0, fmt.Sprintf("0 calls of %d callers", waitingCallers), fmt.Sprintf("%d %v", calls.failures(), calls.failed))

	up.account.ResetStats()
	count = length(b, restarts, shortRestarts)
	calls, err = f.callWhile(ctx, func(ctx context.Context) error {
		for n := range count {
			pause(ctx, restartEvery+rand.N(time.Second)) //nolint:gosec // spreads kills, guards nothing
			c := f.children[n%len(f.children)]
			c.kill()
			if err := c.start(ctx); err != nil {
				return err
			}
		}
		pause(ctx, restartEvery)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	stats = up.account.Stats()
	name = engine + " kills"
	reportWindows(out, name, stats)
	out.figure(name+", requests", stats.Requests > int64(count), "some between any two kills", fmt.Sprintf("%d around %d kills", stats.Requests, count))
	out.note(name+", failures", fmt.Sprintf("%d calls %v", calls.failures(), calls.failed))

	return restartBanned(ctx, b, out, engine, f, up)
}

// callWhile lets callers call while something happens.
func (f *fleet) callWhile(ctx context.Context, happens func(context.Context) error) (*load, error) {
	calling, stop := context.WithCancel(ctx)
	defer stop()
	var calls *load
	var caller sync.WaitGroup
	caller.Go(func() { calls = f.call(calling, waitingCallers) })
	err := happens(ctx)
	stop()
	caller.Wait()
	return calls, err
}

// restartBanned bans the account, and kills and starts all processes while that
// lasts.
func restartBanned(ctx context.Context, b *bench, out *report, engine string, f *fleet, up *upstream) error {
	up.account.Ban(banFor)
	told := get(ctx, amogatev1.NewCustomerServiceClient(f.conns[0]), f.ids[0])
	if told == nil {
		return errors.New("a call during the ban was answered")
	}
	before := up.account.Stats()
	for _, c := range f.children {
		c.kill()
	}
	if err := f.start(ctx); err != nil {
		return err
	}
	watch := length(b, banWatch, shortBanWatch)
	calling, stop := during(ctx, watch)
	defer stop()
	calls := f.call(calling, banCallers)
	after := up.account.Stats()
	out.figure(engine+" ban, requests", after.Requests == before.Requests, fmt.Sprintf("= 0 in %.0f s after a restart", watch.Seconds()),
		fmt.Sprintf("%d; %d requests had met the ban before, %d calls were refused after", after.Requests-before.Requests, before.Banned, calls.failures()))
	out.note(engine+" ban, calls", fmt.Sprintf("%v", calls.failed))
	return ctx.Err()
}
