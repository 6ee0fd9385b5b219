package amo

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
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
				if _, err := b.client.env(t.Context(), accountLife); err != nil {
					t.Fatal(err)
				}
				b.ExpireSessions()
				time.Sleep(sessionLife - time.Minute)
				b.client.account.read = time.Now()
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

func TestRetry_callerThatLeavesInThePauseIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draining := errors.New("draining")
		for range 20 { // the pauses are random
			b := newBench(t, emulator.Config{Customers: 1}, Config{})
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(time.Nanosecond, func() { cancel(draining) })
			_, err := b.client.send(ctx, request{call: v2.AccountCall(), class: classInteractive, decode: unavailable})
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
		if e := asError(err); e.Kind != KindRateLimited || e.RetryAfter < limitedBase/2 {
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
		if took := time.Since(start); took < maxHold || took > maxHold+time.Second {
			t.Errorf("the call took %v, want a good %v", took, maxHold)
		}
	})
}

func TestFlight_callersWithTimeOutlastALongHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		b.client.limiter.hold(time.Now().Add(2 * flightTimeout))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), flightTimeout+time.Second)
		defer cancel()
		if _, err := b.client.Customers().Get(ctx, 1); !IsKind(err, KindQueueFull) || time.Since(start) != 0 {
			t.Errorf("a caller without the time: %v after %v, want KindQueueFull at once", err, time.Since(start))
		}
		rows, _ := rowsOf(t, b, nil, ListOptions{})
		if len(rows) != 1 || time.Since(start) < 2*flightTimeout {
			t.Errorf("a caller with time got %d rows after %v, want them behind the hold", len(rows), time.Since(start))
		}
	})
}

func TestAttempt_slowBodyDoesNotMoveTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Nth: 1},
			Action: emulator.Action{Drip: &emulator.Drip{Bytes: 400, Every: 2 * time.Second}},
		})
		start := time.Now()
		if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
			t.Fatal(err)
		}
		if took, skew := time.Since(start), b.client.upstreamNow().Sub(time.Now()); took < 4*time.Second || skew != 0 {
			t.Errorf("a body of %v moved the clock by %v", took, skew)
		}
	})
}

func TestAttempt_boundsTheRequestsOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 60}, Config{})
		ids := customerIDs(b, 60)
		if _, err := b.client.Customers().Get(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		// Upstream stalls and answers all at once in the end.
		stalled := time.Now()
		b.client.http.Transport = stall{b.client.http.Transport, stalled.Add(25 * time.Second)}
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// 16 were on their way; the 44 others leave at the rate.
		if took, want := time.Since(stalled), 25*time.Second+43*time.Second/DefaultRate; took < want-time.Millisecond || took > want+time.Second {
			t.Errorf("took %v, want %v: what waited in the stall leaves at the rate", took, want)
		}
	})
}

// stall holds the answers back until a time.
type stall struct {
	next  http.RoundTripper
	until time.Time
}

func (s stall) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	time.Sleep(time.Until(s.until))
	return resp, err
}

func TestAttempt_writeWithoutAConnectionWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials int
		c, err := New(Config{
			Account: "test", BaseURL: &url.URL{Scheme: "http", Host: "example.amocrm.ru"}, Auth: BearerToken("t"),
			Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				dials++
				<-ctx.Done()
				return nil, ctx.Err()
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), attemptTimeout+5*time.Second)
		defer cancel()
		call := v2.AccountCall()
		call.Method, call.Effect, call.Body = http.MethodPost, driver.Create, []byte("{}")
		if _, err := c.send(ctx, request{call: call, decode: unavailable}); !IsKind(err, KindDeadline) {
			t.Errorf("send = %v, want KindDeadline: nothing was sent", err)
		}
		if dials != 2 {
			t.Errorf("%d dials, want 2: what reached nobody is tried again", dials)
		}
	})
}

func unavailable(driver.Response) error { return &Error{Kind: KindUnavailable} }
