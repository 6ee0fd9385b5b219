package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/pgtest"
)

const (
	// paceTime is how long each fleet is measured, after warmUp.
	paceTime, shortPaceTime = time.Minute, 8 * time.Second
	warmUp                  = 5 * time.Second
	// leastUsed is how much of the rate has to be used.
	leastUsed = 0.95
	// exporters are the exports and their processes.
	exporters = 3
	// askEvery is about how often somebody gets a customer beside them, askCount
	// how often in all.
	askEvery                = 2 * time.Second
	askCount, shortAskCount = 100, 8
	// askBound is what that may take.
	askBound = 600 * time.Millisecond
	// equalCallers share one process.
	equalCallers = 10
	leastJain    = 0.95
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
	if err := exportBesideGets(ctx, b, out, cluster); err != nil {
		return err
	}
	return shareEqually(ctx, b, out)
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

// exportBesideGets lets three replicas export while somebody gets a customer now
// and then.
func exportBesideGets(ctx context.Context, b *bench, out *report, cluster *pgtest.Cluster) (err error) {
	up, err := newUpstream(watched(20_000), nil)
	if err != nil {
		return err
	}
	defer up.server.Close()
	in, err := inDatabase(ctx, b.dir, cluster)
	if err != nil {
		return err
	}
	f, err := newFleet(ctx, b, in, up, exporters)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	exporting, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	rows := make([]int, exporters)
	failed := make([]error, exporters)
	for n, conn := range f.conns {
		group.Go(func() {
			client := amogatev1.NewCustomerServiceClient(conn)
			for exporting.Err() == nil && failed[n] == nil {
				var count int
				count, failed[n] = export(exporting, client)
				rows[n] += count
			}
		})
	}
	pause(ctx, warmUp)
	before, began := up.account.Stats().Requests, time.Now()
	var waits []time.Duration
	for n := range length(b, askCount, shortAskCount) {
		// Not in step with the slots.
		pause(ctx, askEvery-askEvery/20+rand.N(askEvery/10)) //nolint:gosec // a pause, not a secret
		asked := time.Now()
		if err := get(ctx, amogatev1.NewCustomerServiceClient(f.conns[n%len(f.conns)]), f.ids[n%len(f.ids)]); err != nil {
			stop()
			group.Wait()
			return fmt.Errorf("get beside exports: %w", err)
		}
		waits = append(waits, time.Since(asked))
	}
	took := time.Since(began)
	stats := up.account.Stats()
	stop()
	group.Wait()
	reportWindows(out, "exports", stats)
	p99 := quantile(waits, 0.99)
	out.figure("exports, get p99", p99 <= askBound, fmt.Sprintf("<= %d ms", askBound.Milliseconds()),
		fmt.Sprintf("%d ms, p50 %d ms, slowest %d ms of %d; %d ms of it are upstream's",
			p99.Milliseconds(), quantile(waits, 0.5).Milliseconds(), quantile(waits, 1).Milliseconds(), len(waits), latency.Milliseconds()))
	out.note("exports, used", fmt.Sprintf("%.1f %% of %d/s, %v rows", 100*share(stats.Requests-before, took), rate, rows))
	return errors.Join(errors.Join(failed...), ctx.Err())
}

// export reads all customers as an export does, and returns how many came.
func export(ctx context.Context, client amogatev1.CustomerServiceClient) (rows int, err error) {
	stream, err := client.ListCustomers(metadata.AppendToOutgoingContext(ctx, "amogate-priority", "export"), &amogatev1.ListCustomersRequest{})
	for err == nil {
		var answer *amogatev1.ListCustomersResponse
		if answer, err = stream.Recv(); err == nil && answer.GetCustomer() != nil {
			rows++
		}
	}
	if ctx.Err() == nil && !errors.Is(err, io.EOF) {
		return rows, err
	}
	return rows, nil
}

// shareEqually lets equal callers share one process.
func shareEqually(ctx context.Context, b *bench, out *report) (err error) {
	up, err := newUpstream(watched(1000), nil)
	if err != nil {
		return err
	}
	defer up.server.Close()
	in, err := newInstallation(ctx, b.dir, "")
	if err != nil {
		return err
	}
	f, err := newFleet(ctx, b, in, up, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	calling, stop := during(ctx, length(b, paceTime, shortPaceTime))
	defer stop()
	calls := f.call(calling, equalCallers)
	out.figure("equal callers, Jain index", jain(calls.done) >= leastJain, fmt.Sprintf(">= %.2f", leastJain),
		fmt.Sprintf("%.4f, calls answered %v", jain(calls.done), calls.done))
	out.figure("equal callers, failures", calls.failures() == 0, "= 0", strconv.Itoa(calls.failures()))
	return ctx.Err()
}
