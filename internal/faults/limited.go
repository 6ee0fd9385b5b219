package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// replicaCount is how many processes share the account in rows about all of them,
// upstreamLatency what upstream takes for an answer there.
const (
	replicaCount    = 3
	upstreamLatency = 120 * time.Millisecond
)

// paced is the configuration of those rows; the requests of all replicas go into
// the log.
func paced(log *arrivals) bubbleConfig {
	return bubbleConfig{replicas: replicaCount, stackConfig: stackConfig{
		transport: log.inFront,
		emulated:  func(c *emulator.Config) { c.Latency = upstreamLatency },
	}}
}

// arrivals notes when the requests of all replicas leave and how they are
// answered.
type arrivals struct {
	mu   sync.Mutex
	seen []arrival
}

// arrival is one request; a status of 0 is no answer.
type arrival struct {
	at, answered time.Time
	status       int
	method       string
}

// logged is a transport whose requests are noted.
type logged struct {
	log  *arrivals
	next http.RoundTripper
}

func (a *arrivals) inFront(next http.RoundTripper) http.RoundTripper { return &logged{a, next} }

// RoundTrip implements http.RoundTripper.
func (l *logged) RoundTrip(r *http.Request) (*http.Response, error) {
	l.log.mu.Lock()
	i := len(l.log.seen)
	l.log.seen = append(l.log.seen, arrival{at: time.Now(), method: r.Method})
	l.log.mu.Unlock()
	resp, err := l.next.RoundTrip(r)
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	l.log.seen[i].answered = time.Now()
	if err == nil {
		l.log.seen[i].status = resp.StatusCode
	}
	return resp, err
}

// between returns the requests that left after a moment and before another one.
func (a *arrivals) between(from, to time.Time) []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	var some []arrival
	for _, one := range a.seen {
		if one.at.After(from) && one.at.Before(to) {
			some = append(some, one)
		}
	}
	return some
}

// of returns the requests that were answered with a status.
func (a *arrivals) of(status int) []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.seen), func(one arrival) bool { return one.status != status })
}

// reset forgets the requests.
func (a *arrivals) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = nil
}

// load is callers of all replicas that read one page after the other.
type load struct {
	calling sync.WaitGroup
	stop    context.CancelFunc

	mu sync.Mutex
	// told counts what they were told, by code and reason; "OK/" is a page.
	told map[string]int
	// longest is the longest call, where somebody measures.
	longest time.Duration
}

// tell counts what a caller was told after a time.
func (l *load) tell(what string, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[what]++
	l.longest = max(l.longest, took)
}

// refusedPause is how long callers who were refused wait.
const refusedPause = 15 * time.Second

// answeredOK is what load.told has for a page.
const answeredOK = "OK/"

// underLoad starts callers of every replica, each of which asks again as soon as
// it is answered, or a while after it was refused.
func (s *bubbleStack) underLoad(ctx context.Context, callers int) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{stop: stop, told: map[string]int{}}
	for _, r := range s.replicas {
		for range callers {
			l.calling.Go(func() {
				for {
					_, err := r.page(ctx)
					if ctx.Err() != nil {
						return
					}
					l.tell(failureOf(err).String(), 0)
					if err != nil && pause(ctx, refusedPause) != nil {
						return
					}
				}
			})
		}
	}
	return l
}

// end stops the callers and returns what they were told.
func (l *load) end() map[string]int {
	l.stop()
	l.calling.Wait()
	return l.told
}

// only returns an error when callers were told something else.
func only(told map[string]int, wanted ...string) error {
	for what := range told {
		if !slices.Contains(wanted, what) {
			return fmt.Errorf("callers were told %v, not only %s", told, strings.Join(wanted, ", "))
		}
	}
	if told[wanted[0]] == 0 {
		return fmt.Errorf("callers were told %v, and never %s", told, wanted[0])
	}
	return nil
}

// retryIn returns how long the error of a call asks to wait; 0 = it does not.
func retryIn(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// warm has every replica learn the account and leaves the limiter at rest.
func (s *bubbleStack) warm(ctx context.Context) error {
	for _, r := range s.replicas {
		if _, err := r.page(ctx); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	time.Sleep(10 * time.Second)
	return nil
}

// namedPause is a spelling of Retry-After.
type namedPause struct {
	name string
	// action is what is answered, made at a time.
	action func(now time.Time) emulator.Action
	// until is the end of the pause of a 429 that was read at a time; asked is the
	// time that action was made at.
	until func(asked, read time.Time) time.Time
}

// askedPause is what upstream asks for in the rows about Retry-After.
const askedPause = 7 * time.Second

var namedPauses = []namedPause{
	{
		"seconds",
		func(time.Time) emulator.Action { return limitedUntil(strconv.Itoa(int(askedPause / time.Second))) },
		func(_, read time.Time) time.Time { return read.Add(askedPause) },
	},
	{
		"a date",
		func(now time.Time) emulator.Action {
			return limitedUntil(now.Add(askedPause).UTC().Format(http.TimeFormat))
		},
		func(asked, _ time.Time) time.Time { return asked.Add(askedPause).Truncate(time.Second) },
	},
}

// limitedUntil is a 429 with a header.
func limitedUntil(header string) emulator.Action {
	return emulator.Action{Status: http.StatusTooManyRequests, HTML: true, Header: map[string]string{"Retry-After": header}}
}

// limitedFor has upstream answer 429 and ask for a pause, while callers of all
// replicas go on. The rate has to be halved afterwards, for cutFor.
func limitedFor(ctx context.Context, pauses []namedPause, cutFor time.Duration) (string, error) {
	var measured []string
	for _, p := range unlessWatched(pauses, pauses[:1]) {
		log := &arrivals{}
		text, err := onBothInBubble(ctx, paced(log), func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
			return s.limitedFor(ctx, api, p, cutFor, log)
		})
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.name, err)
		}
		measured = append(measured, p.name+": "+text)
	}
	return strings.Join(measured, "; "), nil
}

func (s *bubbleStack) limitedFor(ctx context.Context, api upstreamAPI, p namedPause, cutFor time.Duration, log *arrivals) (string, error) {
	if err := s.warm(ctx); err != nil {
		return "", err
	}
	log.reset()
	asked := time.Now()
	if err := s.script(emulator.Rule{
		Match:  emulator.Match{Operation: api.list, Nth: 1},
		Action: p.action(asked),
	}); err != nil {
		return "", err
	}
	callers := s.underLoad(ctx, 2)
	time.Sleep(time.Second)
	limited := log.of(http.StatusTooManyRequests)
	if len(limited) != 1 {
		callers.end()
		return "", fmt.Errorf("%d answers of 429 after a second", len(limited))
	}
	read := limited[0].answered
	until := p.until(asked, read)
	short := s.limitedNow(ctx, until)
	time.Sleep(time.Until(until.Add(2*cutFor + time.Minute)))
	told := callers.end()
	if short != nil {
		return "", short
	}
	if err := only(told, answeredOK); err != nil {
		return "", err
	}
	if early := log.between(read, until); len(early) > 0 {
		return "", fmt.Errorf("%d requests left before the pause was over, the first after %s", len(early), early[0].at.Sub(read))
	}
	if again := log.of(http.StatusTooManyRequests); len(again) != 1 {
		return "", fmt.Errorf("%d answers of 429", len(again))
	}
	cut := len(log.between(until, until.Add(cutFor)))
	half := amo.DefaultRate / 2.0 * cutFor.Seconds()
	if float64(cut) > half+1 || float64(cut) < 0.95*half-1 {
		return "", fmt.Errorf("%d requests left in %s after the pause, want about %.0f", cut, cutFor, half)
	}
	return fmt.Sprintf("nothing for %s, then %d requests in %s", until.Sub(read).Round(time.Millisecond), cut, cutFor), nil
}

// limitedNow makes calls whose deadline is before the end of a pause.
func (s *bubbleStack) limitedNow(ctx context.Context, until time.Time) error {
	const reason = "UPSTREAM_RATE_LIMITED"
	for i, r := range s.replicas {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		begun := time.Now()
		_, err := r.customers.ListCustomersPage(short, &amogatev1.ListCustomersPageRequest{})
		cancel()
		if err := failureOf(err).want(codes.ResourceExhausted, reason); err != nil {
			return fmt.Errorf("a short deadline at replica %d: %w", i, err)
		}
		took, wait := time.Since(begun), retryIn(err)
		if took > 5*time.Millisecond {
			return fmt.Errorf("a short deadline at replica %d: refused after %s", i, took)
		}
		if left := time.Until(until); wait < left*8/10 || wait > left*12/10+time.Second {
			return fmt.Errorf("a short deadline at replica %d: told to wait %s of %s", i, wait, left)
		}
	}
	return nil
}

// limitBodies are the bodies of a 429 that names no pause.
var limitBodies = map[string]emulator.Action{
	"a page":  {Status: http.StatusTooManyRequests, HTML: true},
	"nothing": {Status: http.StatusTooManyRequests, Body: " "},
}

// limitedAgain has upstream answer 429 a few times in a row, and name no pause.
// Only one request may try after each, and the pauses have to grow.
func limitedAgain(ctx context.Context, times int, base, longest time.Duration) (string, error) {
	var measured []string
	for _, name := range slices.Sorted(maps.Keys(limitBodies)) {
		log := &arrivals{}
		config := paced(log)
		config.unaryTimeout = 3 * time.Minute // longer than all the pauses
		text, err := onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
			return s.limitedAgain(ctx, api, limitBodies[name], times, base, longest, log)
		})
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		measured = append(measured, name+": "+text)
	}
	return strings.Join(measured, "; "), nil
}

func (s *bubbleStack) limitedAgain(ctx context.Context, api upstreamAPI, action emulator.Action, times int, base, longest time.Duration, log *arrivals) (string, error) {
	if err := s.warm(ctx); err != nil {
		return "", err
	}
	log.reset()
	if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.list, To: times}, Action: action}); err != nil {
		return "", err
	}
	callers := s.underLoad(ctx, 2)
	time.Sleep(5 * time.Minute)
	told := callers.end()
	// A call gives up after five 429s of its own, or where its deadline is nearer
	// than the end of the pause.
	if err := only(told, answeredOK, "ResourceExhausted/UPSTREAM_RATE_LIMITED", "ResourceExhausted/ACCOUNT_QUEUE_FULL"); err != nil {
		return "", err
	}
	limited := log.of(http.StatusTooManyRequests)
	if len(limited) != times {
		return "", fmt.Errorf("%d answers of 429, want %d", len(limited), times)
	}
	var pauses []string
	for i, one := range limited {
		next := log.between(one.answered, time.Now())
		if len(next) == 0 {
			return "", fmt.Errorf("nothing left after 429 number %d", i+1)
		}
		most := min(base<<i, longest)
		waited := next[0].at.Sub(one.answered)
		if waited < most/2 {
			return "", fmt.Errorf("a request left %s after 429 number %d, want %s at least", waited, i+1, most/2)
		}
		// The slot after the pause may be one of a slower rate.
		if slack := time.Duration(float64(time.Second)/settings.Default().MinRate) + upstreamLatency; waited > most+slack {
			return "", fmt.Errorf("nothing left for %s after 429 number %d, want %s at most", waited, i+1, most+slack)
		}
		if i+1 < len(limited) && !next[0].at.Equal(limited[i+1].at) {
			return "", fmt.Errorf("after 429 number %d several requests tried at once", i+1)
		}
		pauses = append(pauses, waited.Round(100*time.Millisecond).String())
	}
	return "pauses " + strings.Join(pauses, ", "), nil
}
