package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/amogate/amogate/emulator"
)

// storm are the windows that integrations of others leave us, one after the
// other.
var storm = []int{2, 4, 7}

// limitedByOthers has others take most of the account's requests while exports
// and people share the rest. No two 429s may follow one another, and nobody may
// wait longer than longest for one page.
func limitedByOthers(ctx context.Context, windows []int, longest time.Duration) (string, error) {
	const stage = 90 * time.Second
	log := &arrivals{}
	config := paced(log)
	config.pageSize = 5 // the fewer rows, the sooner the row is over
	config.emulated = func(c *emulator.Config) {
		c.Customers, c.Latency, c.Window, c.BanAfter = 300, upstreamLatency, windows[0], 5
	}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		log.reset()
		exports := s.exports(ctx)
		people := s.people(ctx)
		for _, window := range windows {
			s.emulator.SetWindow(window)
			time.Sleep(stage)
		}
		if err := only(exports.end(), answeredOK, "ResourceExhausted/UPSTREAM_RATE_LIMITED", "ResourceExhausted/ACCOUNT_QUEUE_FULL"); err != nil {
			return "", fmt.Errorf("exports: %w", err)
		}
		if err := only(people.end(), answeredOK); err != nil {
			return "", fmt.Errorf("people: %w", err)
		}
		if people.longest > longest {
			return "", fmt.Errorf("a page took %s", people.longest)
		}
		stats := s.emulator.Stats()
		limited := log.of(http.StatusTooManyRequests)
		for _, one := range limited {
			if next := log.between(one.at, time.Now()); len(next) > 0 && next[0].status == http.StatusTooManyRequests {
				return "", fmt.Errorf("two 429s follow one another, %s apart", next[0].at.Sub(one.at))
			}
		}
		if stats.Banned != 0 {
			return "", errors.New("the account was banned")
		}
		return fmt.Sprintf("%d of %d requests were answered 429; the slowest page took %s", len(limited), stats.Requests, people.longest.Round(time.Millisecond)), nil
	})
}

// exports starts a list of everything at every replica, again and again, at the
// priority of exports.
func (s *bubbleStack) exports(ctx context.Context) *load {
	ctx, stop := context.WithCancel(metadata.AppendToOutgoingContext(ctx, "amogate-priority", "export"))
	l := &load{stop: stop, told: map[string]int{}}
	for _, r := range s.replicas {
		l.calling.Go(func() {
			for ctx.Err() == nil {
				got, err := list(ctx, r.conn, "", nil)
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					got = &listed{failed: failureOf(err)}
				}
				l.tell(got.failed.String(), 0)
				if !got.ended && pause(ctx, time.Second) != nil {
					return
				}
			}
		})
	}
	return l
}

// people starts a caller at every replica who reads a page now and then.
func (s *bubbleStack) people(ctx context.Context) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{stop: stop, told: map[string]int{}}
	for _, r := range s.replicas {
		l.calling.Go(func() {
			for pause(ctx, 10*time.Second) == nil {
				begun := time.Now()
				_, err := r.page(ctx)
				if ctx.Err() != nil {
					return
				}
				l.tell(failureOf(err).String(), time.Since(begun))
			}
		})
	}
	return l
}

// floor has upstream answer 429 until the rate is as low as it may become, and
// returns an error unless the requests are as far apart as that.
func floor(ctx context.Context, apart time.Duration) (string, error) {
	const times = 6
	log := &arrivals{}
	config := paced(log)
	config.unaryTimeout = 3 * time.Minute
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if err := s.warm(ctx); err != nil {
			return "", err
		}
		log.reset()
		if err := s.script(emulator.Rule{
			Match:  emulator.Match{Operation: api.list, To: times},
			Action: emulator.Action{Status: http.StatusTooManyRequests, HTML: true, Header: map[string]string{"Retry-After": "1"}},
		}); err != nil {
			return "", err
		}
		callers := s.underLoad(ctx, 2)
		time.Sleep(time.Minute)
		callers.end()
		limited := log.of(http.StatusTooManyRequests)
		if len(limited) != times {
			return "", fmt.Errorf("%d answers of 429", len(limited))
		}
		after := log.between(limited[times-1].answered, time.Now())
		var gaps []time.Duration
		for i := range len(after) - 1 {
			gaps = append(gaps, after[i+1].at.Sub(after[i].at))
		}
		if len(gaps) < 10 || slices.Min(gaps) != apart || slices.Max(gaps) != apart {
			return "", fmt.Errorf("requests %v apart, want %s each", gaps, apart)
		}
		return fmt.Sprintf("requests %s apart after %d times 429", apart, times), nil
	})
}
