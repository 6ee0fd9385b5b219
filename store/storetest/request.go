package storetest

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/store"
)

// intent is that of a process to carry out a call; the text tells calls apart.
func intent(call, owner, id string) idempotency.Intent {
	return idempotency.Intent{
		Key: idempotency.NewKey("shop", "method", call), Hash: idempotency.Hash{1, 0, 0xff}, Owner: owner, ID: id,
		Since: time.Unix(1_700_000_000, 5000).UTC(), Life: time.Hour,
	}
}

// claim takes down an intent and fails unless the answer is the wanted one.
func claim(t *testing.T, s store.Store, what string, i idempotency.Intent, want idempotency.Claim) idempotency.Record {
	t.Helper()
	r, got, err := s.ClaimRequest(t.Context(), i)
	if err != nil || got != want {
		t.Fatalf("%s: claim %d, %v; want %d", what, got, err, want)
	}
	return r
}

// save adds to the outcome of a call.
func save(t *testing.T, s store.Store, i idempotency.Intent, part string, state idempotency.State) {
	t.Helper()
	if err := s.SaveRequest(t.Context(), i.Key, i.ID, []byte(part), state); err != nil {
		t.Fatal(err)
	}
}

// holds says whether an engine asks whether owners live; one for a single process
// does not.
func holds(t *testing.T, s store.Store) bool {
	t.Helper()
	i := intent("alive", "a", "1")
	if err := s.HoldRequests(t.Context(), i.Owner, time.Hour); err != nil {
		t.Fatal(err)
	}
	claim(t, s, "the first", i, idempotency.Taken)
	_, got, err := s.ClaimRequest(t.Context(), intent("alive", "b", "2"))
	if err != nil {
		t.Fatal(err)
	}
	return got == idempotency.Held
}

func requests(t *testing.T, e Engine) {
	t.Helper()
	s := opened(t, e)

	t.Run("answered_by_their_outcome", func(t *testing.T) {
		i := intent(t.Name(), "a", "1")
		if r := claim(t, s, "the first", i, idempotency.Taken); r.Doubted || len(r.Outcome) != 0 || !r.Since.Equal(i.Since) {
			t.Errorf("a call that is new: %+v", r)
		}
		save(t, s, i, "\x00one", idempotency.Open)
		save(t, s, i, "\xfftwo", idempotency.Done)
		r := claim(t, s, "a second time", intent(t.Name(), "b", "2"), idempotency.Ended)
		if string(r.Outcome) != "\x00one\xfftwo" || r.Hash != i.Hash || !r.Since.Equal(i.Since) {
			t.Errorf("got %+v", r)
		}
		other := intent(t.Name(), "b", "3")
		other.Hash[0]++
		claim(t, s, "another request", other, idempotency.Reused)
	})

	t.Run("one_of_many_gets_it", func(t *testing.T) {
		if err := s.HoldRequests(t.Context(), "a", time.Hour); err != nil {
			t.Fatal(err)
		}
		var taken atomic.Int32
		name := t.Name()
		together(16, func(n int) {
			r, got, err := s.ClaimRequest(t.Context(), intent(name, "a", strconv.Itoa(n)))
			switch {
			case err != nil:
				t.Error(err)
			case got == idempotency.Taken && !r.Doubted:
				taken.Add(1)
			}
		})
		if taken.Load() != 1 {
			t.Errorf("%d were first", taken.Load())
		}
	})

	t.Run("wished_again_after_a_lost_answer", func(t *testing.T) {
		i := intent(t.Name(), "a", "1")
		claim(t, s, "the first", i, idempotency.Taken)
		if r := claim(t, s, "the same", i, idempotency.Taken); r.Doubted {
			t.Error("the same intent is in doubt")
		}
	})

	t.Run("taken_over_in_doubt", func(t *testing.T) {
		i := intent(t.Name(), "dead", "1")
		claim(t, s, "the first", i, idempotency.Taken)
		save(t, s, i, "one", idempotency.Open)
		next := intent(t.Name(), "b", "2")
		next.Since = next.Since.Add(time.Hour)
		for range 2 {
			r := claim(t, s, "the next", next, idempotency.Taken)
			if !r.Doubted || string(r.Outcome) != "one" || !r.Since.Equal(i.Since) || r.Owner != "b" {
				t.Errorf("got %+v", r)
			}
		}
		// The one that seemed dead tells more, and no longer says how far it is.
		save(t, s, i, "two", idempotency.Done)
		if r := claim(t, s, "the next", next, idempotency.Taken); string(r.Outcome) != "onetwo" {
			t.Errorf("got %+v", r)
		}
	})

	t.Run("held_by_the_living", func(t *testing.T) {
		if !holds(t, s) {
			return
		}
		i := intent(t.Name(), "alive", "1")
		if err := s.HoldRequests(t.Context(), "alive", 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		claim(t, s, "the first", i, idempotency.Taken)
		other := intent(t.Name(), "other", "2")
		claim(t, s, "another", other, idempotency.Held)
		if r := claim(t, s, "the same process, which has left it", intent(t.Name(), "alive", "3"), idempotency.Taken); !r.Doubted {
			t.Error("it is not in doubt")
		}
		until(t, "its end", func() bool {
			_, got, err := s.ClaimRequest(t.Context(), other)
			return err == nil && got == idempotency.Taken
		})
	})

	t.Run("the_rest_is_sent", func(t *testing.T) {
		i := intent(t.Name(), "a", "1")
		claim(t, s, "the first", i, idempotency.Taken)
		save(t, s, i, "one", idempotency.Rest)
		next := intent(t.Name(), "b", "2")
		next.Since = next.Since.Add(time.Hour)
		if r := claim(t, s, "the next", next, idempotency.Taken); r.Doubted || string(r.Outcome) != "one" || !r.Since.Equal(next.Since) {
			t.Errorf("got %+v", r)
		}
		save(t, s, next, "two", idempotency.Done)
		claim(t, s, "the third", intent(t.Name(), "b", "3"), idempotency.Ended)
	})

	t.Run("forgotten_when_nothing_was_sent", func(t *testing.T) {
		i := intent(t.Name(), "a", "1")
		forget := func(i idempotency.Intent) {
			t.Helper()
			if err := s.ForgetRequest(t.Context(), i.Key, i.ID); err != nil {
				t.Fatal(err)
			}
		}
		claim(t, s, "the first", i, idempotency.Taken)
		forget(intent(t.Name(), "b", "2"))
		other := i
		other.Hash[0]++
		claim(t, s, "after a stranger's word", other, idempotency.Reused)
		forget(i)
		claim(t, s, "after the owner's word", other, idempotency.Taken)
		save(t, s, i, "of the first, too late", idempotency.Done)
		forget(other)
		claim(t, s, "with an outcome", i, idempotency.Reused)
	})

	t.Run("swept_after_their_life", func(t *testing.T) {
		s := opened(t, e)
		const n = 5
		for k := range n {
			i := intent(t.Name()+string(rune('a'+k)), "a", "1")
			i.Life = time.Microsecond
			claim(t, s, "a short one", i, idempotency.Taken)
		}
		lives := intent(t.Name(), "a", "1")
		claim(t, s, "a long one", lives, idempotency.Taken)
		save(t, s, lives, "one", idempotency.Done)
		found := 0
		until(t, "the end of their lives", func() bool {
			swept, err := s.SweepRequests(t.Context(), 2)
			if err != nil || swept > 2 {
				t.Fatal(swept, err)
			}
			found += swept
			return found == n
		})
		if swept, err := s.SweepRequests(t.Context(), 10); err != nil || swept != 0 {
			t.Errorf("%d more, %v", swept, err)
		}
		claim(t, s, "the long one", intent(t.Name(), "b", "2"), idempotency.Ended)
	})

	t.Run("new_after_their_life", func(t *testing.T) {
		i := intent(t.Name(), "a", "1")
		i.Life = time.Microsecond
		claim(t, s, "the first", i, idempotency.Taken)
		save(t, s, i, "one", idempotency.Done)
		next := intent(t.Name(), "b", "2")
		next.Hash[0]++
		var r idempotency.Record
		until(t, "its end", func() bool {
			got, claim, err := s.ClaimRequest(t.Context(), next)
			if err != nil {
				t.Fatal(err)
			}
			r = got
			return claim == idempotency.Taken
		})
		if r.Doubted || len(r.Outcome) != 0 {
			t.Errorf("got %+v", r)
		}
	})
}
