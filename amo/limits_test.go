package amo

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
)

// Every answer of upstream's reaches the limiter as what it is.
func TestOutcome_ofAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		action emulator.Action
		kind   Kind
		after  Kind // of the next call, which finds upstream well
		rest   time.Duration
	}{
		"a page with 403":   {emulator.Action{Status: 403, HTML: true}, KindBlocked, KindBlocked, 15 * time.Minute},
		"403 in JSON":       {emulator.Action{Status: 403, Body: `{"title":"Forbidden","status":403}`}, KindForbidden, KindNotFound, 0},
		"not in white list": {emulator.Action{Status: 403, Body: `{"response":{"error":"no","error_code":"113"}}`}, KindBlocked, KindNotFound, 0},
		"402":               {emulator.Action{Status: 402, Body: `{"title":"Payment Required","status":402}`}, KindPaymentRequired, KindPaymentRequired, time.Hour},
		"404":               {emulator.Action{Status: 404, HTML: true}, KindBadResponse, KindNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 1}, Config{})
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: test.action})
				_, err := b.client.Customers().Get(t.Context(), 1)
				if e := asError(err); e.Kind != test.kind || e.RetryAfter != test.rest {
					t.Errorf("Get = %v with RetryAfter %v, want kind %d with %v", err, e.RetryAfter, test.kind, test.rest)
				}
				b.ResetStats()
				if _, err = b.client.Customers().Get(t.Context(), 1); !IsKind(err, test.after) {
					t.Errorf("the next Get = %v, want kind %d", err, test.after)
				}
				if closed := test.rest > 0; closed != (b.Stats().Requests == 0) {
					t.Errorf("%d requests after it", b.Stats().Requests)
				}
				time.Sleep(test.rest)
				if _, err = b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindNotFound) {
					t.Errorf("the probe: %v, want to be let in", err)
				}
			})
		})
	}
}

func TestOutcome_403After429sIsABan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t,
			emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Status: 429}},
			emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 2}, Action: emulator.Action{Status: 403, Body: `{"title":"Forbidden","status":403}`}},
		)
		_, err := b.client.Customers().Get(t.Context(), 1)
		if e := asError(err); e.Kind != KindBlocked || e.RetryAfter != 15*time.Minute {
			t.Errorf("Get = %v, want KindBlocked with RetryAfter 15m", err)
		}
	})
}

// The pause after a 429 does not hang on the body that comes with it.
func TestOutcome_429WhoseBodyIsCutIsA429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, action := range map[string]emulator.Action{
			"cut":       {Status: 429, Cut: new(int)},
			"too large": {Status: 429, Body: strings.Repeat(" ", maxBody+1)},
			"too slow":  {Status: 429, Drip: &emulator.Drip{Bytes: 1, Every: time.Second}},
		} {
			b := newBench(t, emulator.Config{Customers: 1}, Config{})
			b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: action})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, _ = b.client.Customers().Get(ctx, 1)
			cancel()
			synctest.Wait() // the read ends after its caller
			if s, err := b.client.limiter.Status(t.Context()); err != nil || s.Rate != DefaultRate/2 {
				t.Errorf("%s: a rate of %v, %v; want half", name, s.Rate, err)
			}
		}
	})
}

func TestPriority_lowersAndNeverRaises(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct{ asked, own, want limit.Class }{
		{limit.Interactive, limit.Interactive, limit.Interactive},
		{limit.Interactive, limit.Sync, limit.Sync},
		{limit.Sync, limit.Interactive, limit.Sync},
		{limit.Export, limit.Sync, limit.Export},
		{limit.Export, limit.Login, limit.Login},
	} {
		if got := classOf(WithPriority(ctx, test.asked), test.own); got != test.want {
			t.Errorf("asked for %v, %v is %v, want %v", test.asked, test.own, got, test.want)
		}
	}
	if got := classOf(urgent(WithPriority(ctx, limit.Export)), limit.Interactive); got != limit.Interactive {
		t.Errorf("shared work of an export is %v, want interactive: others wait for it", got)
	}
}

func TestWaits_areThoseOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1, Latency: 10 * time.Millisecond}, Config{Rate: 1})
		for _, want := range []time.Duration{990 * time.Millisecond, 990 * time.Millisecond} {
			var waits Waits
			if _, err := b.client.Customers().Get(WithWaits(t.Context(), &waits), 1); !IsKind(err, KindNotFound) {
				t.Fatal(err)
			}
			if got := waits.Sum(); got != want {
				t.Errorf("waits of %v, want %v: a slot a second, less the request before", got, want)
			}
		}
	})
}
