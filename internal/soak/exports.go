package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/pgtest"
)

const (
	// exporters are the exports and their processes.
	exporters = 3
	// askEvery is about how often somebody gets a customer beside them, askCount
	// how often in all.
	askEvery                = 2 * time.Second
	askCount, shortAskCount = 100, 8
	// askBound is what that may take.
	askBound = 600 * time.Millisecond
	// exportsTimeout bounds the whole program.
	exportsTimeout = 10 * time.Minute
)

// exports lets three replicas export while somebody gets a customer now and then.
func exports(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, exportsTimeout)
	defer cancel()
	cluster, err := pgtest.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
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
	out.figure("get p99", p99 <= askBound, fmt.Sprintf("<= %d ms", askBound.Milliseconds()),
		fmt.Sprintf("%d ms, p50 %d ms, slowest %d ms of %d; %d ms of it are upstream's",
			p99.Milliseconds(), quantile(waits, 0.5).Milliseconds(), quantile(waits, 1).Milliseconds(), len(waits), latency.Milliseconds()))
	out.note("used", fmt.Sprintf("%.1f %% of %d/s, %v rows", 100*share(stats.Requests-before, took), rate, rows))
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
