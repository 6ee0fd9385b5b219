package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/amogate/amogate/internal/pgtest"
)

const (
	// outageTime is how long the database is gone, aroundOutage how long it is
	// there before and after.
	outageTime, shortOutageTime = 30 * time.Second, 20 * time.Second
	aroundOutage                = 20 * time.Second
	// outageReplicas lose it.
	outageReplicas = 4
	// leastKept is how much of the rate they keep.
	leastKept = 0.5
	// outageTimeout bounds the whole program.
	outageTimeout = 10 * time.Minute
)

// outage takes the database away from replicas that are busy, by a crash, and
// brings it back.
func outage(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, outageTimeout)
	defer cancel()
	cluster, err := pgtest.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	var late delay
	up, err := newUpstream(watched(1000), late.way)
	if err != nil {
		return err
	}
	defer up.server.Close()
	in, err := inDatabase(ctx, b.dir, cluster)
	if err != nil {
		return err
	}
	f, err := newFleet(ctx, b, in, up, outageReplicas)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()

	calling, stop := context.WithCancel(ctx)
	defer stop()
	var calls *load
	var caller sync.WaitGroup
	caller.Go(func() { calls = f.call(calling, waitingCallers) })
	pause(ctx, aroundOutage)
	before, began := up.account.Stats().Requests, time.Now()
	err = cluster.Stop(pgtest.Immediate)
	if err == nil {
		pause(ctx, length(b, outageTime, shortOutageTime))
		err = cluster.Start(ctx)
	}
	kept, took := up.account.Stats().Requests-before, time.Since(began)
	back, since := up.account.Stats().Requests, time.Now()
	pause(ctx, aroundOutage)
	again, after := up.account.Stats().Requests-back, time.Since(since)
	stop()
	caller.Wait()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	reportWindows(out, fmt.Sprintf("%d replicas", outageReplicas), up.account.Stats())
	reportUsed(out, "rate while it is gone", kept, took, leastKept)
	out.note("rate when it is back", fmt.Sprintf("%.1f %% in the %.0f s after", 100*share(again, after), after.Seconds()))
	out.note("failures", fmt.Sprintf("%d calls %v; %s", calls.failures(), calls.failed, &late))
	return nil
}
