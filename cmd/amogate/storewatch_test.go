package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	amosettings "github.com/amogate/amogate/amo/settings"
)

// shakyStore answers until it is lost.
type shakyStore struct{ lost atomic.Bool }

// Ping implements pinger.
func (s *shakyStore) Ping(context.Context) error {
	if s.lost.Load() {
		return errors.New("the store does not answer")
	}
	return nil
}

func TestStoreWatch_tellsOfEveryChangeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shakyStore{}
		var told []bool
		w := newStoreWatch(store, amosettings.Default(), slog.New(slog.DiscardHandler), func(service string, serving bool) {
			if service != "store" {
				t.Errorf("service %q", service)
			}
			told = append(told, serving)
		})
		done := make(chan error, 1)
		go func() { done <- w.run() }()
		for _, lost := range []bool{false, true, true, false} {
			store.lost.Store(lost)
			time.Sleep(2 * amosettings.Default().StorePing)
			synctest.Wait()
		}
		w.stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if want := []bool{true, false, true}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}
