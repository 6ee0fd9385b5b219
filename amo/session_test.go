package amo

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
)

var testSession = Session{Login: emulator.DefaultLogin, APIKey: emulator.DefaultAPIKey}

func TestSession_oneLoginServesManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 50, Latency: 100 * time.Millisecond}, Config{Auth: testSession})
		ids := customerIDs(b, 50)
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s := b.Stats(); s.Logins != 1 {
			t.Errorf("%d logins for 50 callers, want 1", s.Logins)
		}
		b.checkWindow(t)
	})
}

func TestSession_isOpenedAgainBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		id := customerIDs(b, 1)[0]
		for range 4 {
			if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(14*time.Minute + 40*time.Second)
		}
		s := b.Stats()
		if s.Logins != 4 || s.ByStatus[401] != 0 {
			t.Errorf("%d logins and %d times 401, want 4 and 0", s.Logins, s.ByStatus[401])
		}
	})
}

func TestSession_isOpenedAgainAfterA401AndTheCallReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 5, Latency: 50 * time.Millisecond}, Config{Auth: testSession})
		ids := customerIDs(b, 5)
		if _, err := b.client.Customers().Get(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		b.ExpireSessions()
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s := b.Stats(); s.Logins != 2 {
			t.Errorf("%d logins, want 2", s.Logins)
		}
	})
}

func TestSession_isReplayedOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		id := customerIDs(b, 1)[0]
		if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: emulator.Action{Status: 401}})
		b.ResetStats()
		if _, err := b.client.Customers().Get(t.Context(), id); !IsKind(err, KindReauth) {
			t.Errorf("Get = %v, want KindReauth", err)
		}
		if s := b.Stats(); s.Requests != 3 || s.Logins != 1 {
			t.Errorf("%d requests with %d logins, want 3 with 1: the call, the login, the replay", s.Requests, s.Logins)
		}
	})
}

func TestSession_refusedLoginRestsBeforeTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: Session{Login: emulator.DefaultLogin, APIKey: "wrong"}})
		get := func() error {
			_, err := b.client.Customers().Get(t.Context(), 1)
			return err
		}
		for range 10 {
			if err := get(); !IsKind(err, KindReauth) {
				t.Fatalf("Get = %v, want KindReauth", err)
			}
		}
		if s := b.Stats(); s.LoginFailures != 1 {
			t.Errorf("%d failed logins, want 1: a captcha follows a few of them", s.LoginFailures)
		}
		time.Sleep(defaults.LoginPause)
		_ = get()
		if s := b.Stats(); s.LoginFailures != 2 {
			t.Errorf("%d failed logins after the pause, want 2", s.LoginFailures)
		}
	})
}

func TestSession_afterARefusedLoginNothingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		id := customerIDs(b, 1)[0]
		if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b.ExpireSessions()
		b.script(t, loginFault(emulator.Action{Status: 403, Body: `{"title":"Forbidden","status":403}`}))
		b.ResetStats()
		for range 5 {
			if _, err := b.client.Customers().Get(t.Context(), id); !IsKind(err, KindForbidden) {
				t.Errorf("Get = %v, want KindForbidden", err)
			}
		}
		if got := b.Stats().Requests; got != 2 {
			t.Errorf("%d requests, want 2: the one that met the end of the session, and the login", got)
		}
	})
}

func TestSession_joinsNoLoginOfAnOlderSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Auth: testSession})
		s, ok := b.client.credentials.(*session)
		if !ok {
			t.Fatalf("credentials are %T", b.client.credentials)
		}
		found := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			// A login that finds its work done.
			_ = s.login.do(t.Context(), b.client, func(context.Context) error {
				<-found
				return nil
			})
		})
		synctest.Wait()
		wg.Go(func() {
			if err := s.renew(t.Context(), s.markNow()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		close(found)
		wg.Wait()
		if got := b.Stats().Logins; got != 1 {
			t.Errorf("%d logins, want one of its own", got)
		}
	})
}

func TestSession_loginWithoutCookiesIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Auth: testSession})
		b.script(t, loginFault(emulator.Action{Status: 200, Body: `{"response":{"auth":true}}`}))
		if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindBadResponse) {
			t.Errorf("Get = %v, want KindBadResponse", err)
		}
	})
}

func TestSession_loginThatTimesOutShrinksNoPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		rowsOf(t, b, nil, ListOptions{})
		time.Sleep(defaults.SessionLife)
		b.client.accounts[V2].read = time.Now() // only the login is due
		b.ResetStats()
		b.script(t, loginFault(emulator.Action{Status: 504, HTML: true}))
		for _, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
			if !IsKind(err, KindUnavailable) {
				t.Errorf("got %v, want KindUnavailable", err)
			}
		}
		if got := b.Stats().Requests; got != readTries {
			t.Errorf("%d requests, want %d", got, readTries)
		}
	})
}

// customerIDs returns the ids of the first n customers.
func customerIDs(b *bench, n int) []int64 {
	var ids []int64
	for c := range b.Customers() {
		if len(ids) == n {
			break
		}
		ids = append(ids, c.ID)
	}
	return ids
}
