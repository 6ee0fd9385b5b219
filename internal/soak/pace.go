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
	// paceTime is how long each fleet is measured, after warmUp.
	paceTime, shortPaceTime = time.Minute, 8 * time.Second
	warmUp                  = 5 * time.Second
	// leastUsed is how much of the rate has to be used.
	leastUsed = 0.95
	// paceTimeout bounds the whole program.
	paceTimeout = 20 * time.Minute
)

// fleetSizes are how many replicas share an account.
var fleetSizes = []int{1, 4, 16}

// pace lets fleets send as fast as they may, and watches what arrives.
func pace(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, paceTimeout)
	defer cancel()
	cluster, err := pgtest.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	for _, size := range fleetSizes {
		if err := paceFleet(ctx, b, out, cluster, size); err != nil {
			return err
		}
	}
	return nil
}

// paceFleet measures one fleet whose requests arrive up to jitter late.
func paceFleet(ctx context.Context, b *bench, out *report, cluster *pgtest.Cluster, size int) (err error) {
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
	f, err := newFleet(ctx, b, in, up, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	took := length(b, paceTime, shortPaceTime)
	calling, stop := during(ctx, warmUp+took)
	defer stop()
	var calls *load
	var caller sync.WaitGroup
	caller.Go(func() { calls = f.call(calling, max(4, 2*size)) })
	pause(calling, warmUp)
	before, began := up.account.Stats().Requests, time.Now()
	<-calling.Done()
	took = time.Since(began)
	stats := up.account.Stats()
	caller.Wait()
	name := fmt.Sprintf("%d replicas", size)
	reportWindows(out, name, stats)
	reportUsed(out, name+", used", stats.Requests-before, took, leastUsed)
	out.note(name+", failures", fmt.Sprintf("%d calls %v; %s", calls.failures(), calls.failed, &late))
	return ctx.Err()
}
