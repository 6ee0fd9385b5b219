package limit

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// interrupted is a store that does something right after it has saved.
type interrupted struct {
	*fragile
	saved func()
}

func (i *interrupted) Save(ctx context.Context, key string, version int64, data []byte) (bool, error) {
	ok, err := i.fragile.Save(ctx, key, version, data)
	if i.saved != nil {
		i.saved()
	}
	return ok, err
}

func TestChange_isKnownAlthoughTheStoreIsLostMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &interrupted{fragile: &fragile{Memory: open()}}
		l := rig(t, store, Config{})
		store.saved = func() {
			store.away.Store(true)
			l.lose(0, errGone)
		}
		answer(t, l, Request{Class: Interactive}, Banned, 0)
		_, err := l.Wait(t.Context(), Request{Class: Interactive})
		if e, ok := err.(*driver.Error); !ok || e.Kind != driver.KindBlocked { //nolint:errorlint // a limiter's errors are not wrapped
			t.Errorf("after a ban: %v", err)
		}
	})
}

func TestChange_isToldAlthoughTheStoreIsFoundMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fragile{Memory: open()}
		l, other := rig(t, store, Config{}), rig(t, store, Config{})
		for _, of := range []*Limiter{l, other} {
			if err := send(t.Context(), of, Request{Class: Interactive}); err != nil {
				t.Fatal(err)
			}
		}
		store.away.Store(true)
		// Two changes here and one there, told as another one: versions alone do not
		// tell the changes of one store from those of the other.
		for range 2 {
			answer(t, l, Request{Class: Interactive}, Limited, time.Second)
		}
		store.away.Store(false)
		answer(t, other, Request{Class: Interactive, Write: true}, Unpaid, 0)
		first := true
		l.change(t.Context(), "shop", func(s *state, now time.Time) bool {
			if first {
				first = false
				l.find(t.Context())
			}
			s.UnpaidReads.trip(now, time.Hour)
			return true
		})
		for name, of := range map[string]*Limiter{"here": l, "there": other} {
			s, err := of.Status(t.Context())
			if err != nil || !s.Shared || len(s.Breakers) != 2 {
				t.Errorf("%s: %+v, %v; want both breakers", name, s, err)
			}
		}
	})
}
