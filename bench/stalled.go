package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

const (
	stalledLatency = 150 * time.Millisecond
	// settle is how long a stalled list gets to stop reading ahead.
	settle = 4 * time.Second
	// mostStalled is the share by which a stalled reader may change the throughput
	// of others.
	mostStalled = 0.05
)

// measureStalled reads a list beside one whose reader takes nothing, and in the
// same time one that is alone, of another account.
func measureStalled(ctx context.Context, b *bench, out *report) error {
	var alone, beside listed
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		alone, err = b.measureBeside(groupCtx, func(context.Context, *process.Server) error { return nil })
		return err
	})
	group.Go(func() (err error) {
		beside, err = b.measureBeside(groupCtx, stall)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	out.add(judgeStalled(b.plan.stalledPages*pageV4, alone, beside))
	return nil
}

// measureBeside reads a list after other has been done.
func (b *bench) measureBeside(ctx context.Context, other func(context.Context, *process.Server) error) (got listed, err error) {
	p, err := b.startPair(ctx, upstream{customers: b.plan.stalledPages * pageV4, latency: stalledLatency, noFilters: true, byID: true}, "--upstream-api=v4")
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := other(ctx, p.server); err != nil {
		return got, err
	}
	if err := pause(ctx, settle); err != nil {
		return got, err
	}
	return readDistinct(ctx, p.server)
}

// stall begins a list that stays as it is until ctx ends.
func stall(ctx context.Context, s *process.Server) error {
	conn, err := dial(s.GRPC)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() }) // nobody reads from it
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// judgeStalled compares the throughput of a list beside a stalled one with that
// of a list alone.
func judgeStalled(customers int, alone, beside listed) figure {
	before, after := alone.rowsPerSecond(pageV4), beside.rowsPerSecond(pageV4)
	change := math.Inf(1)
	if before > 0 {
		change = after/before - 1
	}
	return figure{
		name:    "list beside a stalled reader, " + at(stalledLatency),
		bound:   fmt.Sprintf("≤ %.0f %% change", 100*mostStalled),
		reached: fmt.Sprintf("%+.1f %%, %.0f rows/s instead of %.0f", 100*change, after, before),
		verdict: within(alone.whole(customers) && beside.whole(customers) && math.Abs(change) <= mostStalled),
	}
}
