package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Stats is as much of the emulator's counters as is measured.
type Stats struct {
	Requests      int64            `json:"requests"`
	ByOperation   map[string]int64 `json:"by_operation"`
	TooMany       int64            `json:"responses_429"`
	FullestWindow int              `json:"fullest_window"`
	Added         int64            `json:"added"`
}

// ReadStats reads the counters at a URL. Requests for them are not counted.
func ReadStats(ctx context.Context, url string) (Stats, error) { return ask(ctx, http.MethodGet, url) }

// ResetStats sets the counters at a URL to zero.
func ResetStats(ctx context.Context, url string) error {
	_, err := ask(ctx, http.MethodDelete, url)
	return err
}

func ask(ctx context.Context, method, url string) (stats Stats, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return stats, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		return stats, fmt.Errorf("read statistics: %w", err)
	}
	return stats, nil
}

// Seen is what upstream saw while it was watched.
type Seen struct {
	Stats
	// First and Last are when its first and its last request came.
	First, Last time.Time
}

// Span is the time from the first request to the last.
func (s Seen) Span() time.Duration { return s.Last.Sub(s.First) }

// Rate is the number of requests a second from the first to the last.
func (s Seen) Rate() float64 {
	if s.Span() <= 0 {
		return 0
	}
	return float64(s.Requests-1) / s.Span().Seconds()
}

// Watch asks the emulator what it saw, over and over.
type Watch struct {
	url    string
	cancel context.CancelFunc
	done   chan error
	seen   Seen
}

// WatchUpstream sets the counters at a URL to zero and begins to watch them. The
// times of the first and the last request are as exact as every.
func WatchUpstream(ctx context.Context, url string, every time.Duration) (*Watch, error) {
	if err := ResetStats(ctx, url); err != nil {
		return nil, err
	}
	polling, cancel := context.WithCancel(ctx)
	w := &Watch{url: url, cancel: cancel, done: make(chan error, 1)}
	go func() { w.done <- w.poll(polling, every) }()
	return w, nil
}

func (w *Watch) poll(ctx context.Context, every time.Duration) error {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// End stops watching and returns what was seen.
func (w *Watch) End(ctx context.Context) (Seen, error) {
	w.cancel()
	if err := <-w.done; err != nil {
		return Seen{}, err
	}
	err := w.look(ctx)
	return w.seen, err
}

// look notes what has come since the last look.
func (w *Watch) look(ctx context.Context) error {
	asked := time.Now()
	stats, err := ReadStats(ctx, w.url)
	if err != nil {
		return err
	}
	if stats.Requests > w.seen.Requests {
		if w.seen.Requests == 0 {
			w.seen.First = asked
		}
		w.seen.Last = asked
	}
	w.seen.Stats = stats
	return nil
}
