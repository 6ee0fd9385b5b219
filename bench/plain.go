package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/internal/process"
)

// plainWays are how net/http alone reads pages.
var plainWays = []struct {
	name     string
	inFlight int
}{
	{"plain net/http, a page at a time", 1},
	{"plain net/http, pages in flight", 16},
}

// measurePlain copies the pages of a list, at all latencies beside each other,
// and then as fast as it goes.
func measurePlain(ctx context.Context, b *bench, out *report) error {
	for _, way := range plainWays {
		figures := make([]figure, len(b.plan.latencies))
		group, ctx := errgroup.WithContext(ctx)
		for i, latency := range b.plan.latencies {
			group.Go(func() error {
				perSecond, err := b.copyPages(ctx, latency, way.inFlight)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", way.name, at(latency), err)
				}
				figures[i] = figure{
					name:    fmt.Sprintf("%s, v4, %s", way.name, at(latency)),
					reached: fmt.Sprintf("%.0f rows/s", perSecond),
					speed:   &speed{listing, latency, perSecond, allowed * pageV4},
					peer:    "plain",
				}
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
	return b.measurePlainCPU(ctx, out)
}

// copyPages reads pages of v4 at the configured rate for as long as a sample is,
// so many at a time, and returns the rows that came in a second.
func (b *bench) copyPages(ctx context.Context, latency time.Duration, inFlight int) (perSecond float64, err error) {
	span := b.plan.sample + 2*latency
	most := int(span/slot) + 1
	e, err := process.StartEmulator(ctx, b.binary, b.dir, upstream{customers: most * pageV4, latency: latency}.flags()...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	slots := time.NewTicker(slot)
	defer slots.Stop()
	pages := errgroup.Group{}
	pages.SetLimit(inFlight)
	came := make(chan time.Time, most)
	begun := time.Now()
	for page := 1; page <= most && time.Since(begun) < span; page++ {
		<-slots.C
		pages.Go(func() error {
			err := copyPage(ctx, e, "/api/v4/customers", url.Values{"limit": {strconv.Itoa(pageV4)}, "page": {strconv.Itoa(page)}})
			came <- time.Now()
			return err
		})
	}
	if err := pages.Wait(); err != nil {
		return 0, err
	}
	close(came)
	var answered answers
	for when := range came {
		answered.add(when)
	}
	return answered.perSecond() * pageV4, nil
}

// measurePlainCPU copies pages of v2 as fast as they come, one after the other.
func (b *bench) measurePlainCPU(ctx context.Context, out *report) (err error) {
	e, err := process.StartEmulator(ctx, b.binary, b.dir, upstream{customers: b.plan.plainRows, unlimited: true}.flags()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	before, err := ownCPU()
	if err != nil {
		return err
	}
	for offset := 0; offset < b.plan.plainRows; offset += pageV2 {
		err := copyPage(ctx, e, "/api/v2/customers", url.Values{"limit_rows": {strconv.Itoa(pageV2)}, "limit_offset": {strconv.Itoa(offset)}})
		if err != nil {
			return err
		}
	}
	after, err := ownCPU()
	if err != nil {
		return err
	}
	out.add(cpuFigure("CPU of plain net/http, v2", (after-before)/time.Duration(b.plan.plainRows), ""))
	return nil
}

// copyPage reads a page and throws it away.
func copyPage(ctx context.Context, e *process.Emulator, path string, query url.Values) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Address+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+e.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("page %s: %s", query.Encode(), resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// ownCPU is the time that this process has spent on processors.
func ownCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("measure CPU: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
