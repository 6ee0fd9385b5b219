package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

const (
	// connections are shared by all callers.
	connections = 16
	// createTimeout bounds a call.
	createTimeout = time.Minute
	// failureRest is how long a caller waits after a failure: some are told at
	// once.
	failureRest = 100 * time.Millisecond
	// leastCreates is the share of the bound that has to be reached.
	leastCreates = 0.95
)

// writeOperations are the emulator's names of the requests that create
// customers.
var writeOperations = []string{"v4.customers.create", "customers.write"}

// measureCreates lets the groups of callers create beside each other, each
// through a server of its own, at one latency after the other.
func measureCreates(ctx context.Context, b *bench, out *report) error {
	for _, latency := range b.plan.latencies {
		figures := make([]figure, len(b.plan.callers))
		group, ctx := errgroup.WithContext(ctx)
		for i, callers := range b.plan.callers {
			group.Go(func() error {
				measured, err := b.measureCreate(ctx, callers, latency)
				if err != nil {
					return fmt.Errorf("%d callers, %s: %w", callers, at(latency), err)
				}
				figures[i] = judgeCreates(callers, latency, measured)
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, f := range figures {
			out.add(f)
		}
	}
	return nil
}

// creates is what was measured of callers that create.
type creates struct {
	// perSecond are those that were answered while it counted.
	perSecond float64
	// batch is the mean number of items of a write.
	batch float64
	// answered are all that succeeded, ids the different ones, stored what upstream
	// has.
	answered, ids, stored int64
	// failed counts the others by code and reason.
	failed  map[string]int
	tooMany int64
}

func (b *bench) measureCreate(ctx context.Context, callers int, latency time.Duration) (c creates, err error) {
	p, err := b.startPair(ctx, upstream{latency: latency})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	var conns []*grpc.ClientConn
	defer func() {
		for _, conn := range conns {
			err = errors.Join(err, conn.Close())
		}
	}()
	for range connections {
		conn, err := dial(p.server.GRPC)
		if err != nil {
			return c, err
		}
		conns = append(conns, conn)
	}
	if err := process.ResetStats(ctx, p.emulator.Stats); err != nil {
		return c, err
	}
	l := newLoop(callers, time.Now().Add(b.plan.warmUp+2*latency), b.plan.span+2*latency)
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() { l.call(ctx, n, conns[n%len(conns)]) })
	}
	before, beforeErr := statsAt(ctx, p, l.from)
	after, afterErr := statsAt(ctx, p, l.to)
	group.Wait()
	end, endErr := process.ReadStats(ctx, p.emulator.Stats)
	if err := errors.Join(beforeErr, afterErr, endErr, ctx.Err()); err != nil {
		return c, err
	}
	if writes := writesOf(after) - writesOf(before); writes > 0 {
		c.batch = float64(after.Added-before.Added) / float64(writes)
	}
	c.perSecond = l.perSecond()
	c.answered, c.ids, c.failed = l.answered, int64(len(l.ids)), l.failed
	c.stored, c.tooMany = end.Added, end.TooMany
	return c, nil
}

// statsAt reads the counters at a time.
func statsAt(ctx context.Context, p *pair, when time.Time) (process.Stats, error) {
	if err := pause(ctx, time.Until(when)); err != nil {
		return process.Stats{}, err
	}
	return process.ReadStats(ctx, p.emulator.Stats)
}

func writesOf(s process.Stats) (writes int64) {
	for _, operation := range writeOperations {
		writes += s.ByOperation[operation]
	}
	return writes
}

// loop is callers that call again as soon as they are answered, until to. What
// is answered from from on counts.
type loop struct {
	from, to time.Time

	mu sync.Mutex
	// counted are the answers of each caller that count.
	counted  []answers
	ids      map[int64]struct{}
	answered int64
	failed   map[string]int
}

func newLoop(callers int, from time.Time, span time.Duration) *loop {
	return &loop{
		from: from, to: from.Add(span),
		counted: make([]answers, callers), ids: map[int64]struct{}{}, failed: map[string]int{},
	}
}

// call calls until the end.
func (l *loop) call(ctx context.Context, caller int, conn *grpc.ClientConn) {
	client := amogatev1.NewCustomerServiceClient(conn)
	for i := 0; ctx.Err() == nil && time.Now().Before(l.to); i++ {
		id, err := create(ctx, client, fmt.Sprintf("customer %d of caller %d", i, caller))
		l.note(caller, id, err)
		if err != nil {
			// It ends with ctx, which the loop looks at.
			_ = pause(ctx, failureRest)
		}
	}
}

// due is when the customers of the bench buy again.
var due = timestamppb.New(time.Date(2033, time.May, 18, 0, 0, 0, 0, time.UTC))

var errOtherAnswer = errors.New("the answer is another customer's")

// create creates a customer and checks the answer.
func create(ctx context.Context, client amogatev1.CustomerServiceClient, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	got, err := client.CreateCustomer(ctx, &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{
		Name: name, NextPurchaseTime: due, NextPrice: &money.Money{Units: 100},
	}})
	if err != nil {
		return 0, err
	}
	if got.GetName() != name || got.GetId() == 0 {
		return 0, errOtherAnswer
	}
	return got.GetId(), nil
}

func (l *loop) note(caller int, id int64, err error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed[reasonOf(err)]++
		return
	}
	l.answered++
	l.ids[id] = struct{}{}
	if !now.Before(l.from) && !now.After(l.to) {
		l.counted[caller].add(now)
	}
}

// reasonOf is the code and the reason of a failure, since messages tell numbers.
func reasonOf(err error) string {
	s := status.Convert(err)
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return s.Code().String() + " " + info.GetReason()
		}
	}
	return s.Code().String() + " " + s.Message()
}

// perSecond is the sum of what every caller gets a second, from its first answer
// to its last: batches are answered at once, so that a count of the answers in a
// span would depend on where it begins.
func (l *loop) perSecond() float64 {
	sum := 0.0
	for _, c := range l.counted {
		sum += c.perSecond()
	}
	return sum
}

// boundOf is the most that callers who wait for their answers can create in a
// second: each waits for a slot and for upstream, and a request holds so many.
func boundOf(callers int, latency time.Duration) float64 {
	return min(float64(callers)/(latency+slot).Seconds(), float64(rate*min(callers, maxBatch)))
}

// judgeCreates compares creates with their bound.
func judgeCreates(callers int, latency time.Duration, c creates) figure {
	bound := boundOf(callers, latency)
	share := c.perSecond / bound
	f := figure{
		name:    fmt.Sprintf("%s callers create, %s", thousands(callers), at(latency)),
		bound:   fmt.Sprintf("≥ %.0f %% of %.0f/s, 0 × 429", 100*leastCreates, bound),
		reached: fmt.Sprintf("%s, %.0f/s, mean batch %.0f, %d × 429", percent(share), c.perSecond, c.batch, c.tooMany),
		speed:   &speed{creating, latency, c.perSecond, allowed * maxBatch},
	}
	isExact := len(c.failed) == 0 && c.ids == c.answered && c.stored == c.answered
	if !isExact {
		f.reached += fmt.Sprintf("; %d answered with %d ids, %d stored", c.answered, c.ids, c.stored)
		for _, text := range slices.Sorted(maps.Keys(c.failed)) {
			f.reached += fmt.Sprintf("; %d × %s", c.failed[text], text)
		}
	}
	f.verdict = within(share >= leastCreates && isExact && c.tooMany == 0)
	return f
}
