package amo

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
)

// Whoever waits for the account gets one, even if it is forgotten in between, and
// the next caller one that was read after that.
func TestAccount_isForgottenWithoutBeingTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V4})
		cache := b.client.accounts[V4]
		// The account is forgotten while it is being read.
		err := cache.refresh(t.Context(), func(context.Context) (*driver.Env, error) {
			cache.forget()
			return &driver.Env{CustomersMode: "old"}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		env, err := b.client.account(t.Context(), V4)
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
