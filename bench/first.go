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
		if err := b.measureFirst(ctx, generation, out); err != nil {
			return fmt.Errorf("over %s: %w", generation, err)
		}
	}
	return nil
}

func (b *bench) measureFirst(ctx context.Context, generation string, out *report) (err error) {
	e, err := process.StartEmulator(ctx, b.binary, b.dir, upstream{customers: 10 * pageV2, unlimited: true, noFilters: true, byID: true}.flags()...)
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
		for n := range b.plan.lists + 1 {
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
		out.add(judgeFirstRow(fmt.Sprintf("first row over %s, %s", way.name, generation), took))
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
