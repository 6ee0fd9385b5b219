package limit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// A machine that started with a clock a day ahead has left times behind that the
// next start, with the clock put right, finds a day away.
func TestState_ofAClockThatWasAheadDoesNotLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settings.Default()
		tomorrow := time.Now().Add(24 * time.Hour)
		left := state{HeldUntil: tomorrow.Add(time.Second), Limited: 1, LimitedAt: tomorrow, CutRate: 3, Banned: map[string]time.Time{"shop": tomorrow}}
		left.UnpaidWrites.trip(tomorrow, s.PaymentProbe)
		store := open()
		for _, key := range []string{"shop", EgressKey} {
			if ok, err := store.Save(t.Context(), key, 0, left.encode()); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		l := rig(t, store, Config{})
		status, err := l.Status(t.Context())
		if err != nil || status.Hold > s.MaxHold || len(status.Breakers) != 1 || status.Breakers[0].ProbeIn > s.PaymentProbe || status.Breakers[0].Since.After(time.Now()) {
			t.Fatalf("got %+v, %v; want nothing that lasts a day", status, err)
		}
		time.Sleep(s.MaxHold)
		if _, hold := answer(t, l, Request{Class: Interactive}, Limited, 0); hold < s.LimitedBase/2 {
			t.Errorf("a pause of %v after a 429, want at least %v", hold, s.LimitedBase/2)
		}
		if status, err = l.Status(t.Context()); err != nil || status.Rate != 1.5 {
			t.Errorf("a rate of %v, %v; want half of the half", status.Rate, err)
		}
	})
}
