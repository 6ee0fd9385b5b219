package amo

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
)

func TestRetryBudget_stopsRetriesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		id := customerIDs(b, 1)[0]
		if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: emulator.Action{Status: 503, HTML: true}})
		for range 10 { // spends what was saved
			_, _ = b.client.Customers().Get(t.Context(), id)
		}
		b.ResetStats()
		const calls = 200
		for range calls {
			if _, err := b.client.Customers().Get(t.Context(), id); !IsKind(err, KindUnavailable) {
				t.Fatalf("Get = %v, want KindUnavailable", err)
			}
		}
		// A tenth of the requests are retries, which count as requests.
		if got := b.Stats().Requests; got > calls*112/100 {
			t.Errorf("%d requests for %d calls in an outage, want at most a tenth more", got, calls)
		}
	})
}

func TestRetryBudget_isThatOfTheProcessToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewRetryBudget(settings.Default())
		var requests int64
		for range 6 { // accounts, each with a budget of its own
			b := newBench(t, emulator.Config{Customers: 1}, Config{Retries: shared})
			b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: emulator.Action{Status: 503, HTML: true}})
			for range 2 {
				if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindUnavailable) {
					t.Fatalf("Get = %v, want KindUnavailable", err)
				}
			}
			requests += b.Stats().ByOperation[emulator.OpCustomersList]
		}
		// Each of 12 calls would be tried three times; ten retries were saved, and
		// the requests earn a few more.
		if requests < 12+10 || requests > 12+10+3 {
			t.Errorf("%d requests of 12 calls, want ten retries and what was earned", requests)
		}
	})
}

func TestRetryBudget_isNotSpentOn429s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := settings.Default()
		none.RetryBurst = 0.5
		b := newBench(t, emulator.Config{Customers: 1}, Config{Settings: none})
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Status: 429}})
		start := time.Now()
		if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < defaults.LimitedBase/2 {
			t.Errorf("took %v, want the wait after the 429", took)
		}
	})
}
