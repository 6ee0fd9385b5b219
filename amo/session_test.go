package amo

import (
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
		time.Sleep(loginPause)
		_ = get()
		if s := b.Stats(); s.LoginFailures != 2 {
			t.Errorf("%d failed logins after the pause, want 2", s.LoginFailures)
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
