package amo

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
)

// Whoever waits for the account gets one, even if it is forgotten in between, and
// the next caller one that was read after that.
func TestAccountCache_forgetsWithoutTakingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V4})
		cache := b.client.accounts[V4]
		began := time.Now()
		time.Sleep(time.Second)
		cache.forget()
		// A read that was under way ends now.
		cache.mu.Lock()
		cache.env, cache.read = &driver.Env{CustomersMode: "old"}, began
		cache.mu.Unlock()
		env, err := b.client.env(t.Context(), V4, accountLife)
		if err != nil {
			t.Fatal(err)
		}
		if env.CustomersMode == "old" {
			t.Error("what was read before it was forgotten is used")
		}

		var readers sync.WaitGroup
		for range 20 {
			readers.Go(func() {
				if env, err := b.client.env(t.Context(), V4, 0); err != nil || env == nil {
					t.Errorf("account %v, %v", env, err)
				}
			})
			readers.Go(cache.forget)
		}
		readers.Wait()
	})
}
