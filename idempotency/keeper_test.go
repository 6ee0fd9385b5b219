package idempotency_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/amo/settings"
	implv1 "github.com/amogate/amogate/gen/amogate/impl/v1"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a store of one call that answers as the test says.
type fake struct {
	mu sync.Mutex
	// claim is the answer to every intent, record the call, fails how many claims
	// get lost.
	claim  idempotency.Claim
	record idempotency.Record
	fails  int

	intents []idempotency.Intent
	saved   []idempotency.State
	parts   string
	forgot  int
	holds   []time.Time
	old     int
}

var errLost = errors.New("lost")

func (f *fake) ClaimRequest(_ context.Context, i idempotency.Intent) (idempotency.Record, idempotency.Claim, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intents = append(f.intents, i)
	if len(f.intents) <= f.fails {
		return idempotency.Record{}, 0, errLost
	}
	return f.record, f.claim, nil
}

func (f *fake) SaveRequest(_ context.Context, _ idempotency.Key, _ string, part []byte, state idempotency.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails < 0 {
		return errLost
	}
	f.saved, f.parts = append(f.saved, state), f.parts+string(part)
	return nil
}

func (f *fake) ForgetRequest(context.Context, idempotency.Key, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgot++
	return nil
}

func (f *fake) HoldRequests(context.Context, string, time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = append(f.holds, time.Now())
	return nil
}

func (f *fake) SweepRequests(_ context.Context, most int) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(most, f.old)
	f.old -= n
	return n, nil
}

// keep runs a test with a keeper over a fake store, in a bubble.
func keep(t *testing.T, f *fake, test func(t *testing.T, k *idempotency.Keeper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := idempotency.New(t.Context(), idempotency.Config{Store: f, Owner: "me", Settings: settings.Default()})
		test(t, k)
		if err := k.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

var (
	key  = idempotency.NewKey("account", "method", "id")
	hash = idempotency.Hash{1}
)

// done is the outcome of an item that succeeded.
func done(index int32) *implv1.ItemOutcome {
	return &implv1.ItemOutcome{Index: index, Result: &implv1.ItemOutcome_Done{Done: []byte("x")}}
}

func failed(index int32, reason amogatev1.ErrorReason) *implv1.ItemOutcome {
	return &implv1.ItemOutcome{Index: index, Result: &implv1.ItemOutcome_Failed{Failed: &implv1.Failure{Reason: reason}}}
}

func TestNewKey_keepsItsPartsApart(t *testing.T) {
	if idempotency.NewKey("a", "bc", "d") == idempotency.NewKey("ab", "c", "d") {
		t.Error("two calls have one key")
	}
}

func TestKeeper_letsOneOfAProcessGoFirst(t *testing.T) {
	f := &fake{}
	keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
		t.Helper()
		first, err := k.Begin(t.Context(), key, hash)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Begin(t.Context(), key, idempotency.Hash{2}); !errors.Is(err, idempotency.ErrReused) {
			t.Errorf("another request: %v", err)
		}
		var waits sync.WaitGroup
		waits.Go(func() {
			second, err := k.Begin(t.Context(), key, hash)
			if err != nil {
				t.Error(err)
				return
			}
			second.End(t.Context(), 1)
		})
		synctest.Wait()
		if len(f.intents) != 1 {
			t.Errorf("%d claims while the first is under way", len(f.intents))
		}
		first.Note(done(0))
		first.End(t.Context(), 1)
		waits.Wait()
		if len(f.intents) != 2 || f.intents[0].ID == f.intents[1].ID || len(f.saved) != 1 || f.saved[0] != idempotency.Done {
			t.Errorf("%d claims, saved as %v", len(f.intents), f.saved)
		}
	})
}

// slow is a store of one call that has ended, and that takes a second for an answer.
type slow struct {
	*fake
	hash idempotency.Hash
}

func (s *slow) ClaimRequest(ctx context.Context, i idempotency.Intent) (idempotency.Record, idempotency.Claim, error) {
	time.Sleep(time.Second)
	if i.Hash != s.hash {
		return idempotency.Record{}, idempotency.Reused, nil
	}
	return s.fake.ClaimRequest(ctx, i)
}

// Who repeats a call is answered by it, even while somebody tries its id for another
// request.
func TestKeeper_refusesOnlyWhoCameSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{fake: &fake{claim: idempotency.Ended}, hash: idempotency.Hash{1}}
		k := idempotency.New(t.Context(), idempotency.Config{Store: s, Owner: "one", Settings: settings.Default()})
		var other error
		var all sync.WaitGroup
		all.Go(func() { _, other = k.Begin(t.Context(), idempotency.Key{1}, idempotency.Hash{2}) })
		time.Sleep(time.Millisecond)
		if call, err := k.Begin(t.Context(), idempotency.Key{1}, s.hash); err != nil || call.IsOurs() {
			t.Errorf("who repeats it: %v", err)
		}
		all.Wait()
		if !errors.Is(other, idempotency.ErrReused) {
			t.Errorf("the other: %v", other)
		}
		if err := k.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestKeeper_waitsForAnotherReplicaAsLongAsItsDeadline(t *testing.T) {
	f := &fake{claim: idempotency.Held}
	keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		_, err := k.Begin(ctx, key, hash)
		var busy *idempotency.InProgressError
		if !errors.As(err, &busy) || busy.RetryAfter != settings.Default().RequestAgain || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if n := len(f.intents); n < 39 || n > 41 {
			t.Errorf("%d looks in 10 s", n)
		}
	})
}

func TestKeeper_wishesTheSameAgainAfterALostAnswer(t *testing.T) {
	f := &fake{fails: 1}
	keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
		t.Helper()
		if _, err := k.Begin(t.Context(), key, hash); !errors.Is(err, errLost) {
			t.Fatal(err)
		}
		for range 2 {
			call, err := k.Begin(t.Context(), key, hash)
			if err != nil {
				t.Fatal(err)
			}
			call.End(t.Context(), 1)
		}
		if f.intents[0].ID != f.intents[1].ID || f.intents[1].ID == f.intents[2].ID {
			t.Errorf("the intents are %q, %q, %q", f.intents[0].ID, f.intents[1].ID, f.intents[2].ID)
		}
	})
}

func TestCall_endsAsItsItemsDid(t *testing.T) {
	unknown := amogatev1.ErrorReason_ERROR_REASON_WRITE_OUTCOME_UNKNOWN
	for name, c := range map[string]struct {
		end    func(c *idempotency.Call)
		state  idempotency.State
		forgot int
	}{
		"nothing sent":      {func(*idempotency.Call) {}, -1, 1},
		"all known":         {func(c *idempotency.Call) { c.Note(done(0)); c.Note(failed(1, unknown)) }, idempotency.Done, 0},
		"some not sent":     {func(c *idempotency.Call) { c.Note(done(1)) }, idempotency.Rest, 0},
		"some left":         {func(c *idempotency.Call) { c.Note(done(0)); c.Leave(1) }, idempotency.Open, 0},
		"left, some unsent": {func(c *idempotency.Call) { c.Leave(1) }, idempotency.Open, 0},
	} {
		f := &fake{}
		keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
			t.Helper()
			call, err := k.Begin(t.Context(), key, hash)
			if err != nil {
				t.Fatal(err)
			}
			c.end(call)
			call.End(t.Context(), 2)
		})
		if f.forgot != c.forgot || (c.state < 0) != (len(f.saved) == 0) || c.state >= 0 && f.saved[0] != c.state {
			t.Errorf("%s: forgot %d, saved as %v", name, f.forgot, f.saved)
		}
		f.claim, f.record = idempotency.Taken, idempotency.Record{Doubted: true, Outcome: []byte(f.parts)}
		if name == "left, some unsent" {
			keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
				t.Helper()
				call, err := k.Begin(t.Context(), key, hash)
				if err != nil {
					t.Fatal(err)
				}
				if call.IsDoubted(0) || !call.Known(0).GetUnsent() || !call.IsDoubted(1) {
					t.Errorf("item 0: %v, item 1 in doubt: %v", call.Known(0), call.IsDoubted(1))
				}
				call.End(t.Context(), 2)
			})
		}
	}
}

func TestCall_believesWhoKnowsMore(t *testing.T) {
	f := &fake{}
	keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
		t.Helper()
		call, err := k.Begin(t.Context(), key, hash)
		if err != nil {
			t.Fatal(err)
		}
		call.Note(&implv1.ItemOutcome{Result: &implv1.ItemOutcome_Unsent{Unsent: true}})
		call.Note(done(0))
		call.Note(failed(0, amogatev1.ErrorReason_ERROR_REASON_WRITE_OUTCOME_UNKNOWN))
		if call.Known(0).GetDone() == nil {
			t.Errorf("got %v", call.Known(0))
		}
		call.End(t.Context(), 1)
	})
}

func TestCall_savesAlong(t *testing.T) {
	f := &fake{}
	keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
		t.Helper()
		call, err := k.Begin(t.Context(), key, hash)
		if err != nil {
			t.Fatal(err)
		}
		stop := call.SaveAlong(t.Context())
		call.Note(done(0))
		synctest.Wait()
		if len(f.saved) != 1 || f.saved[0] != idempotency.Open {
			t.Errorf("saved as %v while the call goes on", f.saved)
		}
		stop()
		call.Note(done(1))
		call.End(t.Context(), 2)
		if len(f.saved) != 2 || f.saved[1] != idempotency.Done {
			t.Errorf("saved as %v", f.saved)
		}
	})
}

func TestKeeper_saysThatItLivesWhileItHasCalls(t *testing.T) {
	f := &fake{}
	keep(t, f, func(t *testing.T, k *idempotency.Keeper) {
		t.Helper()
		call, err := k.Begin(t.Context(), key, hash)
		if err != nil {
			t.Fatal(err)
		}
		hold := settings.Default().RequestHold
		time.Sleep(4 * hold)
		synctest.Wait()
		for i, at := range f.holds[1:] {
			if at.Sub(f.holds[i]) > hold/2 {
				t.Errorf("silent for %v", at.Sub(f.holds[i]))
			}
		}
		call.End(t.Context(), 1)
		n := len(f.holds)
		time.Sleep(4 * hold)
		if len(f.holds) != n || n < 10 {
			t.Errorf("%d words with a call, %d without", n, len(f.holds)-n)
		}
	})
}

func TestKeeper_sweepsInSmallSteps(t *testing.T) {
	f := &fake{old: 1300}
	keep(t, f, func(t *testing.T, _ *idempotency.Keeper) {
		t.Helper()
		time.Sleep(settings.Default().RequestSweep + time.Second)
		synctest.Wait()
		if f.old != 0 {
			t.Errorf("%d are left", f.old)
		}
	})
}

func TestKeeper_waitsForItsCallsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := idempotency.New(t.Context(), idempotency.Config{Store: &fake{}, Owner: "me", Settings: settings.Default()})
		call, err := k.Begin(t.Context(), key, hash)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		go func() { closed <- k.Close(t.Context()) }()
		time.Sleep(time.Minute)
		if len(closed) > 0 {
			t.Error("closed with a call under way")
		}
		if _, err := k.Begin(t.Context(), idempotency.Key{}, hash); err == nil || !strings.Contains(err.Error(), "stopping") {
			t.Errorf("a call after Close: %v", err)
		}
		call.End(t.Context(), 1)
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
