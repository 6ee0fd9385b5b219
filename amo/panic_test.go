package amo

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// culprit panics on the requests that contain text.
type culprit struct {
	next http.RoundTripper
	text string
}

func (c culprit) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.RequestURI(), c.text) {
		panic("culprit")
	}
	return c.next.RoundTrip(r)
}

// panicOf returns the panic of fn, nil for none.
func panicOf(fn func()) (value any) {
	defer func() { value = recover() }()
	fn()
	return nil
}

// checkPanic fails unless value is the panic of a culprit with its stack.
func checkPanic(t *testing.T, value any) {
	t.Helper()
	p, ok := value.(*PanicError)
	if !ok {
		t.Errorf("got panic %v, want a *PanicError", value)
		return
	}
	if p.Value != "culprit" || !strings.Contains(string(p.Stack), "culprit.RoundTrip") {
		t.Errorf("got panic %v, want the culprit's with its stack", p)
	}
}

// culpritBench is a bench with a culprit on the way upstream.
func culpritBench(t *testing.T, text string, config Config) *bench {
	t.Helper()
	b := newBench(t, emulator.Config{Customers: 20, SeedSpread: emulator.SeedRandom}, config)
	b.client.http.Transport = culprit{b.client.http.Transport, text}
	return b
}

func TestListing_panicOfAPageIsOneOfItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := culpritBench(t, "limit_offset=10", Config{PageSize: 5})
		rows := 0
		checkPanic(t, panicOf(func() {
			for _, err := range b.client.Customers().List(&amogatev1.CustomerFilter{}, ListOptions{}).Rows(t.Context()) {
				if err != nil {
					t.Errorf("got %v", err)
				}
				rows++
			}
		}))
		if rows != 10 {
			t.Errorf("got %d rows before the panic, want 10", rows)
		}
	})
}

func TestListing_panicOfAPageNobodyReadIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := culpritBench(t, "limit_offset=5", Config{PageSize: 5})
		checkPanic(t, panicOf(func() {
			for _, err := range b.client.Customers().List(&amogatev1.CustomerFilter{}, ListOptions{}).Rows(t.Context()) {
				if err != nil {
					t.Errorf("got %v", err)
				}
				time.Sleep(time.Second / DefaultRate) // the page ahead gets its slot
				synctest.Wait()
				break
			}
		}))
	})
}

func TestFlight_panicIsOneOfEveryCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := culpritBench(t, "auth.php", Config{Auth: Session{Login: emulator.DefaultLogin, APIKey: emulator.DefaultAPIKey}})
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				checkPanic(t, panicOf(func() { _, _ = b.client.Customers().Get(t.Context(), 1) }))
			})
		}
		calls.Wait()
	})
}

func TestContain_leavesErrorsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, context.Canceled} {
		if err := release(contain(func() error { return want })); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestPanicError_showsWhatHappenedWhereNobodyRecovers(t *testing.T) {
	t.Parallel()
	err := contain(func() error { panic("culprit") })
	if err == nil || !strings.HasPrefix(err.Error(), "culprit\n") || !strings.Contains(err.Error(), "panic_test.go") {
		t.Errorf("got %v", err)
	}
}
