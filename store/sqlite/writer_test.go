package sqlite

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
)

// gather makes the next changes of a store one group: it holds the writer until so
// many wait.
func gather(t *testing.T, s *Store, n int) (wait func()) {
	t.Helper()
	held := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		held <- s.write(t.Context(), "test", func(context.Context, querier) error {
			close(begun)
			for len(s.writer.changes) < n {
				runtime.Gosched()
			}
			return nil
		}, nil)
	}()
	<-begun
	return func() {
		t.Helper()
		if err := <-held; err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriter_commitsAGroupAtOnce(t *testing.T) {
	s, _ := opened(t, options())
	const n = 10
	wait := gather(t, s, n)
	var seen [n]int
	var errs [n]error
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			errs[i] = s.write(t.Context(), "test", func(ctx context.Context, q querier) error {
				_, err := q.ExecContext(ctx, "INSERT INTO limiter_states VALUES (?, 1, x'00')", strconv.Itoa(i))
				// What others see while the group is made.
				return errors.Join(err, s.reading.QueryRowContext(ctx, "SELECT count(*) FROM limiter_states").Scan(&seen[i]))
			}, nil)
		})
	}
	wait()
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if seen != [n]int{} {
		t.Errorf("others saw %v of a group that was not committed", seen)
	}
	var stored int
	if err := s.reading.QueryRowContext(t.Context(), "SELECT count(*) FROM limiter_states").Scan(&stored); err != nil || stored != n {
		t.Errorf("%d stored, %v; want %d", stored, err, n)
	}
}

func TestWriter_undoesTheGuiltyAlone(t *testing.T) {
	s, _ := opened(t, options())
	if err := add(t.Context(), s, "there", 10); err != nil {
		t.Fatal(err)
	}
	fault := errors.New("fault")
	wait := gather(t, s, 4)
	var all sync.WaitGroup
	results := make([]error, 4)
	all.Go(func() { results[0] = add(t.Context(), s, "first", 10) })
	all.Go(func() { results[1] = add(t.Context(), s, "there", 10) })
	all.Go(func() {
		results[2] = s.write(t.Context(), "test", func(ctx context.Context, q querier) error {
			_, err := q.ExecContext(ctx, "INSERT INTO limiter_states VALUES ('half', 1, x'00')")
			return errors.Join(err, fault)
		}, nil)
	})
	all.Go(func() { results[3] = add(t.Context(), s, "last", 10) })
	wait()
	all.Wait()
	if results[0] != nil || !errors.Is(results[1], account.ErrExists) || !errors.Is(results[2], fault) || results[3] != nil {
		t.Errorf("results: %v", results)
	}
	accounts, err := s.Accounts(t.Context())
	if err != nil || len(accounts) != 3 {
		t.Errorf("%+v, %v", accounts, err)
	}
	var half int
	if err := s.reading.QueryRowContext(t.Context(), "SELECT count(*) FROM limiter_states").Scan(&half); err != nil || half != 0 {
		t.Errorf("%d rows of a change that failed, %v", half, err)
	}
}

func TestWriter_leavesOutWhoWentAway(t *testing.T) {
	s, _ := opened(t, options())
	wait := gather(t, s, 2)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := add(ctx, s, "left", 10); !errors.Is(err, context.Canceled) || !amo.IsKind(err, amo.KindCancelled) {
			t.Errorf("who went away gets %v", err)
		}
	})
	for len(s.writer.changes) < 1 {
		runtime.Gosched()
	}
	cancel()
	all.Wait()
	if err := add(t.Context(), s, "stayed", 10); err != nil {
		t.Error(err)
	}
	wait()
	if accounts, err := s.Accounts(t.Context()); err != nil || len(accounts) != 1 || accounts[0].Name != "stayed" {
		t.Errorf("%+v, %v", accounts, err)
	}
}

func TestWriter_goesOnWithAChangeWhoseCallerLeft(t *testing.T) {
	s, _ := opened(t, options())
	if err := add(t.Context(), s, "shop", 10); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(context.Context) (bool, error){
		"mark": func(ctx context.Context) (bool, error) {
			return s.Mark(ctx, "shop", 1, custody.StateOK, "")
		},
		"put": func(ctx context.Context) (bool, error) {
			return s.PutCredentials(ctx, "shop", custody.KindOAuth, custody.Sealed{Generation: 2, KeyID: "key-1", Data: []byte{1}})
		},
	} {
		// The writer is given the change while the caller leaves; under -race what
		// both of them touch shows.
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			var left sync.WaitGroup
			left.Go(cancel)
			if ok, err := change(ctx); ok && err != nil {
				t.Errorf("%s = true, %v", name, err)
			}
			left.Wait()
		}
	}
}
