package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/amogate/amogate/internal/process"
)

const (
	// mostFirstRow may pass from the last byte of the first page to the first row.
	mostFirstRow = 10 * time.Millisecond
	// firstRate keeps pages apart, so that the second is not made beside the
	// first.
	firstRate = 20
	// firstPause lets the pages in flight pass before the next list.
	firstPause = 100 * time.Millisecond
)

// measureFirstRow begins lists behind a proxy that notes when pages have passed.
func measureFirstRow(ctx context.Context, b *bench, out *report) error {
	for _, generation := range []string{"v2", "v4"} {
		for _, latency := range b.plan.latencies {
			if err := b.measureFirst(ctx, generation, latency, out); err != nil {
				return fmt.Errorf("over %s, %s: %w", generation, at(latency), err)
			}
		}
	}
	return nil
}

func (b *bench) measureFirst(ctx context.Context, generation string, latency time.Duration, out *report) (err error) {
	lists := b.plan.lists
	if latency > 0 {
		lists = b.plan.slowLists
	}
	account := upstream{customers: 10 * pageV2, latency: latency, unlimited: true, noFilters: true, byID: true}
	e, err := process.StartEmulator(ctx, b.binary, b.dir, account.flags()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	pages := newProxy(e.Address)
	server := httptest.NewServer(pages)
	defer server.Close()
	behind := &process.Emulator{Address: server.Listener.Addr().String(), Token: e.Token}
	s, err := behind.StartServer(ctx, b.binary, b.dir, "--upstream-api="+generation, rateFlag(firstRate))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	for _, way := range []struct {
		name string
		read reader
	}{{"gRPC", readGRPC}, {"REST", readREST}} {
		var took []time.Duration
		// The first list reads the account, too.
		for n := range lists + 1 {
			pages.forget()
			listing, cancel := context.WithCancel(ctx)
			got, err := way.read(listing, s, func(int64) bool { return false })
			cancel()
			if err != nil {
				return err
			}
			page, ok := pages.first()
			if !ok || got.rows != 1 {
				return fmt.Errorf("%d rows before the first page had passed", got.rows)
			}
			if n > 0 {
				took = append(took, got.first.Sub(page))
			}
			if err := pause(ctx, firstPause); err != nil {
				return err
			}
		}
		out.add(judgeFirstRow(fmt.Sprintf("first row over %s, %s, %s", way.name, generation, at(latency)), took))
	}
	return nil
}

// judgeFirstRow compares the delays of first rows with their bound.
func judgeFirstRow(name string, took []time.Duration) figure {
	f := figure{
		name: name, bound: fmt.Sprintf("≤ %d ms after the page", mostFirstRow.Milliseconds()),
		reached: "none came", verdict: fail,
	}
	if len(took) > 0 {
		f.reached = fmt.Sprintf("%s, median of %d, slowest %s", milliseconds(median(took)), len(took), milliseconds(slices.Max(took)))
		f.verdict = within(median(took) <= mostFirstRow)
	}
	return f
}
