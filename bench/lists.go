package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/internal/process"
)

// pollEvery is how exactly the times of the first and the last request of a list
// are known.
const pollEvery = 20 * time.Millisecond

// listKind is a way in which a list runs.
type listKind struct {
	name string
	// page is the most rows of an upstream page.
	page       int
	generation string
	// inOrder lists by ids, of an account without filters.
	inOrder bool
	// completeness is what the list has to promise.
	completeness string
	// least is the share of the configured rate that has to be reached, judged at
	// the latencies for which isJudged holds.
	least    float64
	isJudged func(time.Duration) bool
}

var listKinds = []listKind{
	{"list in id order, v2", pageV2, "v2", true, "", 0.97, always},
	{"list in id order, v4", pageV4, "v4", true, "", 0.97, always},
	{"list in windows, v4", pageV4, "v4", false, "WINDOWED", 0.85, func(latency time.Duration) bool { return latency == time.Second }},
}

func always(time.Duration) bool { return true }

// measureLists reads the kinds of lists beside each other, at one latency after
// the other.
func measureLists(ctx context.Context, b *bench, out *report) error {
	for _, latency := range b.plan.latencies {
		figures := make([]figure, len(listKinds))
		group, ctx := errgroup.WithContext(ctx)
		for i, kind := range listKinds {
			group.Go(func() error {
				measured, err := b.measureList(ctx, kind, latency)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", kind.name, at(latency), err)
				}
				figures[i] = judgeList(kind, latency, measured)
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

// list is what was measured of one.
type list struct {
	customers int
	listed    listed
	seen      process.Seen
}

func (b *bench) measureList(ctx context.Context, kind listKind, latency time.Duration) (l list, err error) {
	// The last page is not full, as that of most accounts.
	l.customers = b.plan.pages(latency)*kind.page - 1
	p, err := b.startPair(ctx, upstream{customers: l.customers, latency: latency, noFilters: kind.inOrder, byID: kind.inOrder}, "--upstream-api="+kind.generation)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	watch, err := process.WatchUpstream(ctx, p.emulator.Stats, pollEvery)
	if err != nil {
		return l, err
	}
	l.listed, err = readDistinct(ctx, p.server)
	seen, watchErr := watch.End(ctx)
	l.seen = seen
	return l, errors.Join(err, watchErr)
}

// rowsPerSecond is the throughput behind the first page, which came with the
// first row.
func (l listed) rowsPerSecond(page int) float64 {
	span := l.last.Sub(l.first).Seconds()
	if span <= 0 {
		return 0
	}
	return max(float64(l.rows-int64(page)), 0) / span
}

// judgeList compares a list with its bound. It counts what is less: the requests
// that upstream saw, or the rows that the caller got, since requests may bring
// nothing.
func judgeList(kind listKind, latency time.Duration, l list) figure {
	rows := l.listed.rowsPerSecond(kind.page)
	requestShare, rowShare := l.seen.Rate()/rate, rows/float64(rate*kind.page)
	f := figure{
		name:  kind.name + ", " + at(latency),
		bound: fmt.Sprintf("≥ %.0f %% of %d/s, 0 × 429", 100*kind.least, rate),
		reached: fmt.Sprintf("%s (requests %s), %.0f rows/s, %d × 429, %s", percent(rowShare), percent(requestShare),
			rows, l.seen.TooMany, l.listed.completeness),
		speed: &speed{listing, latency, rows, float64(allowed * kind.page)},
	}
	isWhole := l.listed.whole(l.customers)
	if !isWhole {
		f.reached += fmt.Sprintf("; %d rows and %d ids of %d, end %v of %d", l.listed.rows, l.listed.distinct, l.customers, l.listed.ended, l.listed.told)
	}
	fast := min(requestShare, rowShare) >= kind.least
	if !kind.isJudged(latency) {
		f.bound, fast = "0 × 429", true
	}
	f.verdict = within(fast && isWhole && l.seen.TooMany == 0 &&
		(kind.completeness == "" || l.listed.completeness == kind.completeness))
	return f
}
