package amo

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// loginFault answers every login with action.
func loginFault(action emulator.Action) emulator.Rule {
	return emulator.Rule{Match: emulator.Match{Operation: emulator.OpAuth}, Action: action}
}

func TestRetry_failedLoginIsNotMultipliedByItsCallers(t *testing.T) {
	for name, test := range map[string]struct {
		action emulator.Action
		want   Kind
		logins int64
	}{
		"503":        {emulator.Action{Status: 503, HTML: true}, KindUnavailable, readTries},
		"garbled":    {emulator.Action{Garbled: true}, KindBadResponse, readTries},
		"429":        {emulator.Action{Status: 429, HTML: true}, KindRateLimited, limitedTries},
		"bad values": {emulator.Action{Status: 400, Body: `{"response":{"error":"no","error_code":400}}`}, KindReauth, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
				// What is known of the account stays, so that the writes need the login.
				if _, err := b.client.account(t.Context(), V2); err != nil {
					t.Fatal(err)
				}
				b.ExpireSessions()
				time.Sleep(defaults.SessionLife - time.Minute)
				b.client.accounts[V2].read = time.Now()
				time.Sleep(2 * time.Minute)
				b.ResetStats()
				b.script(t, loginFault(test.action))
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() {
						for _, r := range b.client.Customers().Create(t.Context(), creates(10)) {
							if !IsKind(r.Err, test.want) && !IsKind(r.Err, KindNotAttempted) {
								t.Errorf("Create = %v, want kind %d", r.Err, test.want)
							}
						}
					})
				}
				wg.Wait()
				if got := b.Stats().ByOperation[emulator.OpAuth]; got != test.logins {
					t.Errorf("%d logins for five callers, want %d", got, test.logins)
				}
			})
		})
	}
}

func TestRetry_credentialsThatFailLeaveAnEarlierTryUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Auth: testSession})
		stored := addCustomer(t, b, time.Now().Add(-time.Hour))
		if _, err := b.client.Customers().Get(t.Context(), stored.ID); err != nil {
			t.Fatal(err)
		}
		b.script(t,
			emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1}, Action: emulator.Action{Status: 502, HTML: true, Apply: true}},
			emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 2}, Action: emulator.Action{ExpireSession: true}},
			loginFault(emulator.Action{Status: 403, Body: `{"title":"Forbidden","status":403}`}),
		)
		got := updateOne(t.Context(), b, customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}})
		if after, _ := b.Customer(stored.ID); after.Name != "Мария" || !IsKind(got.Err, KindOutcomeUnknown) {
			t.Errorf("%v with %q stored, want KindOutcomeUnknown: the first try may have been carried out", got.Err, after.Name)
		}
	})
}

func TestRetry_earlierTryStaysUnknownWhateverFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(-time.Hour))
		for i, action := range []emulator.Action{{Status: 502, HTML: true, Apply: true}, {Status: 429, HTML: true}, {Status: 403, HTML: true}} {
			b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: i + 1}, Action: action})
		}
		got := updateOne(t.Context(), b, customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}})
		if !IsKind(got.Err, KindOutcomeUnknown) {
			t.Errorf("%v, want KindOutcomeUnknown", got.Err)
		}
	})
}

func TestRetry_renewedCredentialsCostNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		for i, action := range []emulator.Action{{ExpireSession: true}, {Status: 503, HTML: true}, {Status: 503, HTML: true}} {
			b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: i + 1}, Action: action})
		}
		if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestRetry_waitsNoLongerThanTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList},
			Action: emulator.Action{Status: 429, HTML: true, Header: map[string]string{"Retry-After": "20"}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := b.client.Customers().Get(ctx, 1)
		if e := asError(err); e.Kind != KindRateLimited || e.RetryAfter != 20*time.Second || time.Since(start) > time.Second {
			t.Errorf("Get = %v after %v, want KindRateLimited with RetryAfter 20s at once", err, time.Since(start))
		}
	})
}

// A pause that outlasts the caller is not begun: the error is told at once, as what it
// is.
func TestRetry_beginsNoPauseThatOutlastsTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
		defer cancel()
		start := time.Now()
		_, err := b.client.send(ctx, request{call: v2.AccountCall(), class: limit.Interactive, decode: unavailable})
		if !IsKind(err, KindUnavailable) || time.Since(start) > 0 {
			t.Errorf("send = %v after %v, want KindUnavailable at once", err, time.Since(start))
		}
	})
}

func TestRetry_callerThatLeavesInThePauseIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draining := errors.New("draining")
		for range 20 { // the pauses are random
			b := newBench(t, emulator.Config{Customers: 1}, Config{})
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(time.Nanosecond, func() { cancel(draining) })
			_, err := b.client.send(ctx, request{call: v2.AccountCall(), class: limit.Interactive, decode: unavailable})
			stop.Stop()
			cancel(nil)
			if !IsKind(err, KindCancelled) || !errors.Is(err, draining) {
				t.Errorf("send = %v, want KindCancelled with its cause", err)
			}
		}
	})
}

func TestRetry_afterTheLast429TheWaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: emulator.Action{Status: 429, HTML: true}})
		_, err := b.client.Customers().Get(t.Context(), 1)
		if e := asError(err); e.Kind != KindRateLimited || e.RetryAfter < min(defaults.LimitedBase<<(limitedTries-1), defaults.LimitedMax)/2 {
			t.Errorf("Get = %v with RetryAfter %v, want KindRateLimited with the wait", err, e.RetryAfter)
		}
		if got := b.Stats().ByOperation[emulator.OpCustomersList]; got != limitedTries {
			t.Errorf("%d requests, want %d", got, limitedTries)
		}
	})
}

func TestRetry_wildRetryAfterDoesNotSilenceTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Nth: 1},
			Action: emulator.Action{Status: 429, HTML: true, Header: map[string]string{"Retry-After": "2000000000"}},
		})
		start := time.Now()
		if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < defaults.MaxHold || took > defaults.MaxHold+time.Second {
			t.Errorf("the call took %v, want a good %v", took, defaults.MaxHold)
		}
	})
}

func TestVerdict_tellsWhetherAWriteMayHaveHappened(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect  driver.Effect
		out     outcome
		earlier bool
		want    Kind
	}{
		"read":                         {driver.Read, outcome{sent: true, err: &Error{Kind: KindUnavailable}}, false, KindUnavailable},
		"create":                       {driver.Create, outcome{sent: true, err: &Error{Kind: KindUnavailable}}, false, KindOutcomeUnknown},
		"create that was not sent":     {driver.Create, outcome{err: &Error{Kind: KindUnavailable}}, false, KindUnavailable},
		"create refused":               {driver.Create, outcome{sent: true, err: &Error{Kind: KindUpstreamInvalid, Status: 400}}, false, KindUpstreamInvalid},
		"create with an odd refusal":   {driver.Create, outcome{sent: true, err: &Error{Kind: KindBadResponse, Status: 404}}, false, KindBadResponse},
		"create with a lost answer":    {driver.Create, outcome{sent: true, err: &Error{Kind: KindBadResponse, Status: 200}}, false, KindResponseLost},
		"create with a huge answer":    {driver.Create, outcome{sent: true, err: &Error{Kind: KindTooLarge, Status: 200}}, false, KindResponseLost},
		"set, then cancelled":          {driver.Set, outcome{err: &Error{Kind: KindCancelled}}, true, KindOutcomeUnknown},
		"set, then the queue is full":  {driver.Set, outcome{err: &Error{Kind: KindQueueFull}}, true, KindOutcomeUnknown},
		"set, then limited in a 200":   {driver.Set, outcome{sent: true, err: &Error{Kind: KindRateLimited, Status: 200}}, true, KindOutcomeUnknown},
		"set, then moved":              {driver.Set, outcome{sent: true, err: &Error{Kind: KindMoved, Status: 302}}, true, KindOutcomeUnknown},
		"set, then refused":            {driver.Set, outcome{sent: true, err: &Error{Kind: KindUpstreamInvalid, Status: 400}}, true, KindUpstreamInvalid},
		"set, then no credentials":     {driver.Set, outcome{unready: true, err: &Error{Kind: KindForbidden}}, true, KindOutcomeUnknown},
		"set without credentials":      {driver.Set, outcome{unready: true, err: &Error{Kind: KindForbidden}}, false, KindForbidden},
		"read after an ambiguous read": {driver.Read, outcome{err: &Error{Kind: KindCancelled}}, true, KindCancelled},
	} {
		if got := verdict(test.effect, test.out, test.earlier); got.Kind != test.want {
			t.Errorf("%s: %v of kind %d, want %d", name, got, got.Kind, test.want)
		}
	}
}

func unavailable(driver.Response) error { return &Error{Kind: KindUnavailable} }
