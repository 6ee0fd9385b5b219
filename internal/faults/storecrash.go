package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
)

// storeCrash has the database crash under the load of two replicas, and come back
// after so long. Upstream may never see more than window requests in a second;
// calls that need the store are told so within a time.
func (x *executable) storeCrash(ctx context.Context, away time.Duration, window int, within time.Duration) (string, error) {
	cluster, url, err := x.databases.stoppable(ctx)
	if err != nil {
		return "", err
	}
	running := true
	start := func() error {
		if running {
			return nil
		}
		running = true
		return cluster.Start(ctx)
	}
	// Upstream counts and does not refuse: the bound is on what it counts.
	measured, err := onFarm(ctx, farmConfig{url: url, emulated: func(c *emulator.Config) { c.Window = 2 * window }}, func(f *farm) (string, error) {
		var hands []*farmhand
		for range 2 {
			h, err := f.replica(ctx)
			if err != nil {
				return "", err
			}
			hands = append(hands, h)
		}
		// The first seconds of processes are scaled, upstream's are not.
		if err := errors.Join(hands[0].call(ctx), hands[1].call(ctx), pause(ctx, 2*time.Second)); err != nil {
			return "", err
		}
		before := f.emulator.Stats().WindowsOver(window)
		load := startCalling(ctx, hands)
		if err := pause(ctx, time.Second); err != nil {
			return "", errors.Join(err, load.stop())
		}
		running = false
		if err := cluster.Stop(pgtest.Immediate); err != nil {
			return "", errors.Join(err, load.stop())
		}
		down := time.Now()
		if err := errors.Join(pause(ctx, away), load.stop()); err != nil {
			return "", fmt.Errorf("on tokens that live: %w", err)
		}
		calls := load.calls
		f.emulator.ExpireAccess()
		var slowest time.Duration
		for n, h := range hands {
			took, err := wantTold(storeUnavailable, within, func() error { return h.call(ctx) })
			if err != nil {
				return "", fmt.Errorf("replica %d, when the token has ended: %w", n, err)
			}
			slowest = max(slowest, took)
		}
		if err := f.wantTokens(0, 0); err != nil {
			return "", err
		}
		if err := start(); err != nil {
			return "", err
		}
		gone := time.Since(down)
		back, err := until(ctx, within, func() (bool, error) {
			return errors.Join(hands[0].call(ctx), hands[1].call(ctx)) == nil, nil
		})
		if err != nil {
			return "", fmt.Errorf("with the database back: %w", err)
		}
		load = startCalling(ctx, hands)
		if err := errors.Join(pause(ctx, 3*time.Second), load.stop()); err != nil {
			return "", fmt.Errorf("with the database back: %w", err)
		}
		stats := f.emulator.Stats()
		if over := stats.WindowsOver(window) - before; over > 0 {
			return "", fmt.Errorf("%d requests came in seconds of more than %d, the fullest had %d", over, window, stats.FullestWindow)
		}
		return fmt.Sprintf("away for %s: %d calls OK on a token that lives, at most %d requests a second; else %s after %s; OK again after %s",
			round(gone), calls, window, storeUnavailable, round(slowest), round(back)), f.wantTokens(1, 0)
	})
	return measured, errors.Join(err, start())
}

// callers go on calling until stop.
type callers struct {
	cancel  context.CancelFunc
	calling sync.WaitGroup

	mu     sync.Mutex
	calls  int
	failed error
}

// startCalling has callers of each replica call it without a pause.
func startCalling(ctx context.Context, hands []*farmhand) *callers {
	const each = 4
	ctx, cancel := context.WithCancel(ctx)
	l := &callers{cancel: cancel}
	for _, h := range hands {
		for range each {
			l.calling.Go(func() {
				for {
					err := h.call(ctx)
					if ctx.Err() != nil {
						return
					}
					l.mu.Lock()
					l.calls++
					l.failed = errors.Join(l.failed, err)
					failed := l.failed != nil
					l.mu.Unlock()
					if failed {
						return
					}
				}
			})
		}
	}
	return l
}

// stop ends the callers and returns what failed.
func (l *callers) stop() error {
	l.cancel()
	l.calling.Wait()
	return l.failed
}
