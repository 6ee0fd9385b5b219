// Command mainjob runs the main job against a real process and measures it:
//
//	go run ./internal/mainjob
//
// It builds amogate, serves a sandbox of 20,000 customers and reads them all over
// gRPC and then over REST, which takes pages of 250 of the upstream API v4; a
// second process, told to use API v2 and its pages of 500, is read over gRPC. It
// prints a line for each figure, its bound and what was measured, and exits with
// 1 when a figure is out of its bound. It needs the /proc of Linux to measure
// memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/amogate/amogate/internal/process"
)

const (
	customers = 20_000
	// rate is what the process is told to send, in requests a second.
	rate = 6
	// limit bounds the whole run; the lists take 14 s each over API v4 and 7 s over
	// v2.
	limit = 5 * time.Minute
	// pollEvery is how exactly the times of the first and the last request are
	// known.
	pollEvery = 5 * time.Millisecond
)

// Bounds of the figures.
const (
	maxGrowth = 64 << 20 // bytes of memory above that of the idle process
	minRate   = 0.95 * rate
	maxWindow = 7 // requests in any second, as the vendor allows
	// maxExtra are requests beside the pages: the account's and its custom fields',
	// twice the empty page behind the last, and what was read ahead of it.
	maxExtra = 10
	// windowPages is how many pages a list takes whose pages are windows of the
	// time of change: three quarters of their room is used at least.
	windowPages = customers / 250 * 4 / 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, limit)
	err := run(ctx, os.Stdout)
	cancel()
	stop()
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "mainjob: %v\n", err)
		os.Exit(1)
	}
}

var errOutOfBounds = errors.New("a figure is out of its bound")

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "amogate-mainjob-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}

	report := &report{out: out}
	for _, run := range runs {
		p, err := process.StartServer(ctx, binary, dir, nil, append([]string{
			"--sandbox", "--sandbox-customers=" + strconv.Itoa(customers), "--rate=" + strconv.Itoa(rate),
		}, run.flags...)...)
		if err != nil {
			return err
		}
		err = measure(ctx, p, run.lists, report)
		if err := errors.Join(err, p.Stop()); err != nil {
			return err
		}
	}
	if report.failed {
		return errOutOfBounds
	}
	return nil
}

// list is a way to read the customers.
type list struct {
	name string
	read func(context.Context, *process.Server) (result, error)
	// pages is the least number of requests that the list takes, most the most
	// beside maxExtra.
	pages, most int64
}

// runs are the processes and what is read from them.
var runs = []struct {
	flags []string
	lists []list
}{
	{nil, []list{{"gRPC", readGRPC, customers / 250, windowPages}, {"REST", readREST, customers / 250, windowPages}}},
	{[]string{"--upstream-api=v2"}, []list{{"gRPC v2", readGRPC, customers / 500, customers / 500}}},
}

// measure reads the customers in every way and prints the figures.
func measure(ctx context.Context, p *process.Server, lists []list, report *report) error {
	for _, list := range lists {
		idle, err := p.Memory()
		if err != nil {
			return err
		}
		watch, err := process.WatchUpstream(ctx, p.Stats, pollEvery)
		if err != nil {
			return err
		}
		began := time.Now()
		got, err := list.read(ctx, p)
		took := time.Since(began)
		seen, watchErr := watch.End(ctx)
		if err := errors.Join(err, watchErr); err != nil {
			return fmt.Errorf("list over %s: %w", list.name, err)
		}
		peak, err := p.PeakMemory()
		if err != nil {
			return err
		}
		report.line(list.name+" rows", got.rows == customers && got.ended && got.told == customers, fmt.Sprintf("= %d and an end", customers),
			fmt.Sprintf("%d, end %v of %d", got.rows, got.ended, got.told))
		report.line(list.name+" pages", seen.Requests >= list.pages && seen.Requests <= list.most+maxExtra, fmt.Sprintf("%d to %d", list.pages, list.most+maxExtra),
			fmt.Sprintf("%d requests", seen.Requests))
		report.line(list.name+" memory", peak-idle <= maxGrowth, fmt.Sprintf("≤ %d MB", maxGrowth>>20),
			fmt.Sprintf("%.1f MB above %.1f MB", megabytes(peak-idle), megabytes(idle)))
		report.line(list.name+" rate", seen.Rate() >= minRate, fmt.Sprintf("≥ %.2f/s", minRate),
			fmt.Sprintf("%.2f/s, %d requests in %.2fs of %.2fs", seen.Rate(), seen.Requests, seen.Span().Seconds(), took.Seconds()))
		report.line(list.name+" refusals", seen.TooMany == 0, "= 0", fmt.Sprintf("%d times 429", seen.TooMany))
		report.line(list.name+" window", seen.FullestWindow <= maxWindow, fmt.Sprintf("≤ %d", maxWindow), fmt.Sprintf("%d in a second", seen.FullestWindow))
	}
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// report prints figures.
type report struct {
	out    io.Writer
	failed bool
}

func (r *report) line(name string, passed bool, bound, measured string) {
	verdict := "PASS"
	if !passed {
		verdict = "FAIL"
		r.failed = true
	}
	_, _ = fmt.Fprintf(r.out, "%-16s %s  %-22s %s\n", name, verdict, bound, measured)
}
