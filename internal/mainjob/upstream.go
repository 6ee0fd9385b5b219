package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// pollEvery is how exactly the times of the first and the last request are
// known.
const pollEvery = 5 * time.Millisecond

// seen is what upstream saw of a list.
type seen struct {
	requests    int64
	tooMany     int64
	window      int
	first, last time.Time
}

func (s seen) span() time.Duration { return s.last.Sub(s.first) }

// rate is the number of requests a second from the first to the last.
func (s seen) rate() float64 {
	if s.span() <= 0 {
		return 0
	}
	return float64(s.requests-1) / s.span().Seconds()
}

// watch asks the emulator what it saw, over and over.
type watch struct {
	process *process
	cancel  context.CancelFunc
	done    chan error
	seen    seen
}

// watchUpstream sets the emulator's counters to zero and begins to watch them.
func watchUpstream(ctx context.Context, p *process) (*watch, error) {
	w := &watch{process: p, done: make(chan error, 1)}
	if err := w.ask(ctx, http.MethodDelete); err != nil {
		return nil, err
	}
	w.seen = seen{}
	polling, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	go func() { w.done <- w.poll(polling) }()
	return w, nil
}

func (w *watch) poll(ctx context.Context) error {
	ticks := time.NewTicker(pollEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if err := w.ask(ctx, http.MethodGet); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// end stops watching and returns what was seen.
func (w *watch) end(ctx context.Context) (seen, error) {
	w.cancel()
	if err := <-w.done; err != nil {
		return seen{}, err
	}
	err := w.ask(ctx, http.MethodGet)
	return w.seen, err
}

// ask reads the counters. Requests for them are not counted.
func (w *watch) ask(ctx context.Context, method string) error {
	req, err := http.NewRequestWithContext(ctx, method, w.process.Stats, http.NoBody)
	if err != nil {
		return err
	}
	asked := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var stats struct {
		Requests      int64 `json:"requests"`
		TooMany       int64 `json:"responses_429"`
		FullestWindow int   `json:"fullest_window"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		return fmt.Errorf("read statistics: %w", err)
	}
	if stats.Requests > w.seen.requests {
		if w.seen.requests == 0 {
			w.seen.first = asked
		}
		w.seen.last = asked
	}
	w.seen.requests, w.seen.tooMany, w.seen.window = stats.Requests, stats.TooMany, stats.FullestWindow
	return nil
}
