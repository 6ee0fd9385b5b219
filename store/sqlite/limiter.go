package sqlite

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/store/internal/engine"
)

// Reserve implements limit.Store.
func (s *Store) Reserve(ctx context.Context, r limit.Reservation) (limit.Slot, error) {
	if ctx.Err() != nil {
		return limit.Slot{}, engine.Ended(ctx, "limiter.reserve")
	}
	return s.slots.reserve(r), nil
}

// Return implements limit.Store.
func (s *Store) Return(ctx context.Context, key string, slot limit.Slot, interval time.Duration) error {
	if ctx.Err() != nil {
		return engine.Ended(ctx, "limiter.return")
	}
	s.slots.giveBack(key, slot, interval)
	return nil
}

// Delay implements limit.Store.
func (s *Store) Delay(ctx context.Context, key string, d time.Duration) error {
	if ctx.Err() != nil {
		return engine.Ended(ctx, "limiter.delay")
	}
	s.slots.delay(key, d)
	return nil
}

// Load implements limit.Store.
func (s *Store) Load(ctx context.Context, keys ...string) (time.Time, []limit.Stored, error) {
	states := make([]limit.Stored, len(keys))
	err := s.read(ctx, "limiter.load", func(ctx context.Context, q querier) (err error) {
		args := make([]any, len(keys))
		for i, key := range keys {
			args[i] = key
		}
		marks := strings.TrimSuffix(strings.Repeat("?,", len(keys)), ",")
		rows, err := q.QueryContext(ctx, "SELECT key, version, data FROM limiter_states WHERE key IN ("+marks+")", args...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var found string
			var state limit.Stored
			if err := rows.Scan(&found, &state.Version, &state.Data); err != nil {
				return err
			}
			for i, key := range keys {
				if key == found {
					states[i] = state
				}
			}
		}
		return rows.Err()
	})
	if err != nil {
		return time.Time{}, nil, err
	}
	return s.now(), states, nil
}

// Save implements limit.Store.
func (s *Store) Save(ctx context.Context, key string, version int64, data []byte) (bool, error) {
	ok := false
	err := s.write(ctx, "limiter.save", func(ctx context.Context, q querier) error {
		change, args := "UPDATE limiter_states SET version = version + 1, data = ? WHERE key = ? AND version = ?", []any{data, key, version}
		if version == 0 {
			change, args = "INSERT INTO limiter_states (data, key, version) VALUES (?, ?, 1) ON CONFLICT DO NOTHING", []any{data, key}
		}
		err := one(q.ExecContext(ctx, change, args...))
		ok = err == nil
		if errors.Is(err, errNone) {
			return nil
		}
		return err
	}, func() {
		if ok {
			s.slots.saved(key, version+1)
		}
	})
	if err != nil {
		return false, err
	}
	return ok, nil
}

// Beat implements limit.Store.
func (s *Store) Beat(ctx context.Context, replica string, age time.Duration) (int, error) {
	if ctx.Err() != nil {
		return 0, engine.Ended(ctx, "limiter.beat")
	}
	return s.slots.beat(replica, age), nil
}

// versions returns the versions of all durable states.
func (s *Store) versions(ctx context.Context) (map[string]int64, error) {
	versions := make(map[string]int64)
	err := s.read(ctx, "store.open", func(ctx context.Context, q querier) (err error) {
		rows, err := q.QueryContext(ctx, "SELECT key, version FROM limiter_states")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var key string
			var version int64
			if err := rows.Scan(&key, &version); err != nil {
				return err
			}
			versions[key] = version
		}
		return rows.Err()
	})
	return versions, err
}
