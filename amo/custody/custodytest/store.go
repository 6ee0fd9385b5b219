// Package custodytest has a custody.Store in memory, for tests of keepers: its
// clock can be moved, and every method can be made to fail or to wait.
package custodytest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// Store is a custody.Store in memory. Its zero value is empty and ready.
type Store struct {
	// Before, if set, is called before a method does anything, with its name:
	// "Lease". An error of it is the error of the method.
	Before func(ctx context.Context, method string) error
	// After, if set, is called after a method has done all: an error of it is the
	// error of a method that was carried out.
	After func(ctx context.Context, method string) error

	mu   sync.Mutex
	skew time.Duration
	rows map[string]*row
}

// row is a record and what it does not show.
type row struct {
	custody.Record
	// leased says that the last lease has not been ended.
	leased bool
}

var _ custody.Store = (*Store)(nil)

// Advance moves the store's clock away from ours.
func (s *Store) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += d
}

// Remove removes an account.
func (s *Store) Remove(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, account)
}

// Rollback puts a record back as it was, like a fail-over that lost commits.
func (s *Store) Rollback(r custody.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[r.Account] = &row{Record: r}
}

// do runs fn with the row of an account, nil where there is none, between the
// hooks.
func (s *Store) do(ctx context.Context, method, account string, fn func(r *row, now time.Time) error) error {
	if s.Before != nil {
		if err := s.Before(ctx, method); err != nil {
			return err
		}
	}
	if err := s.locked(account, fn); err != nil {
		return err
	}
	if s.After != nil {
		return s.After(ctx, method)
	}
	return nil
}

func (s *Store) locked(account string, fn func(r *row, now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[string]*row{}
	}
	return fn(s.rows[account], time.Now().Add(s.skew))
}

// Credentials implements custody.Store.
func (s *Store) Credentials(ctx context.Context, account string) (custody.Record, error) {
	var answer custody.Record
	err := s.do(ctx, "Credentials", account, func(r *row, now time.Time) error {
		if r == nil {
			return custody.ErrNotFound
		}
		answer = r.at(now)
		return nil
	})
	return answer, err
}

// AllCredentials implements custody.Store.
func (s *Store) AllCredentials(ctx context.Context) ([]custody.Record, error) {
	var all []custody.Record
	err := s.do(ctx, "AllCredentials", "", func(_ *row, now time.Time) error {
		for _, r := range s.rows {
			all = append(all, r.at(now))
		}
		slices.SortFunc(all, func(a, b custody.Record) int { return strings.Compare(a.Account, b.Account) })
		return nil
	})
	return all, err
}

// PutCredentials implements custody.Store. Unlike others it adds an account that
// is not there.
func (s *Store) PutCredentials(ctx context.Context, account string, kind custody.Kind, next custody.Sealed) (bool, error) {
	put := false
	err := s.do(ctx, "PutCredentials", account, func(r *row, now time.Time) error {
		if r == nil {
			r = &row{Record: custody.Record{Account: account}}
			s.rows[account] = r
		}
		if put = next.Generation > r.Generation; put {
			r.Kind = kind
			r.replace(next, now)
		}
		return nil
	})
	return put, err
}

// Lease implements custody.Store.
func (s *Store) Lease(ctx context.Context, account string, generation int64, owner string, ttl time.Duration) (custody.Record, bool, error) {
	var (
		answer  custody.Record
		granted bool
	)
	err := s.do(ctx, "Lease", account, func(r *row, now time.Time) error {
		if r == nil {
			return custody.ErrNotFound
		}
		granted = r.Generation == generation && r.State == custody.StateOK && !r.LeaseUntil.After(now) && !r.RetryAt.After(now)
		if granted {
			r.Unsettled = r.Unsettled || r.leased
			r.leased, r.LeaseOwner, r.LeaseUntil = true, owner, now.Add(ttl)
			r.LeaseEpoch++
		}
		answer = r.at(now)
		return nil
	})
	return answer, granted && err == nil, err
}

// Commit implements custody.Store.
func (s *Store) Commit(ctx context.Context, account string, from, epoch int64, next custody.Sealed) (bool, error) {
	return s.change(ctx, "Commit", account, func(r *row, now time.Time) bool {
		if r.Generation != from || r.LeaseEpoch != epoch && r.State != custody.StateLost {
			return false
		}
		r.replace(next, now)
		return true
	})
}

// Restore implements custody.Store.
func (s *Store) Restore(ctx context.Context, account string, next custody.Sealed) (bool, error) {
	return s.change(ctx, "Restore", account, func(r *row, now time.Time) bool {
		if r.Generation >= next.Generation {
			return false
		}
		r.replace(next, now)
		return true
	})
}

// Fail implements custody.Store.
func (s *Store) Fail(ctx context.Context, account string, generation, epoch int64, f custody.Failure) (bool, error) {
	return s.change(ctx, "Fail", account, func(r *row, now time.Time) bool {
		if r.Generation != generation || r.LeaseEpoch != epoch {
			return false
		}
		r.leased, r.LeaseUntil = false, time.Time{}
		r.State, r.Reason = f.State, f.Reason
		r.Unsettled = r.Unsettled || f.Unsettled
		r.RetryAt = now.Add(f.RetryIn)
		if !f.NotCounted {
			r.Failures++
		}
		return true
	})
}

// Mark implements custody.Store.
func (s *Store) Mark(ctx context.Context, account string, generation int64, state custody.State, reason string) (bool, error) {
	return s.change(ctx, "Mark", account, func(r *row, _ time.Time) bool {
		if r.Generation != generation {
			return false
		}
		r.State, r.Reason = state, reason
		return true
	})
}

// Reseal implements custody.Store.
func (s *Store) Reseal(ctx context.Context, account string, generation int64, from string, next custody.Sealed) (bool, error) {
	return s.change(ctx, "Reseal", account, func(r *row, _ time.Time) bool {
		if r.Generation != generation || r.KeyID != from {
			return false
		}
		r.KeyID, r.Sealed = next.KeyID, bytes.Clone(next.Data)
		return true
	})
}

// change runs fn with a row that exists.
func (s *Store) change(ctx context.Context, method, account string, fn func(r *row, now time.Time) bool) (bool, error) {
	changed := false
	err := s.do(ctx, method, account, func(r *row, now time.Time) error {
		if r == nil {
			return custody.ErrNotFound
		}
		changed = fn(r, now)
		return nil
	})
	return changed && err == nil, err
}

// at returns the record as it is read at a time of the store's clock.
func (r *row) at(now time.Time) custody.Record {
	record := r.Record
	record.Sealed = bytes.Clone(r.Sealed)
	record.Now = now
	return record
}

// replace puts new credentials in place.
func (r *row) replace(next custody.Sealed, now time.Time) {
	r.Record = custody.Record{
		Account: r.Account, Kind: r.Kind, Generation: next.Generation, KeyID: next.KeyID, Sealed: bytes.Clone(next.Data),
		State: custody.StateOK, IssuedAt: now, LeaseEpoch: r.LeaseEpoch,
	}
	if next.Life > 0 {
		r.ExpiresAt = now.Add(next.Life)
	}
	r.leased = false
}
