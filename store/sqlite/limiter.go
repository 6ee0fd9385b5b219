package sqlite

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/amogate/amogate/amo/limit"
)

// Reserve implements limit.Store. The slots are in memory: the process is alone,
// and after a restart the first slot is far enough from the last one before.
func (s *Store) Reserve(ctx context.Context, r limit.Reservation) (limit.Slot, error) {
	if err := s.open(ctx, "limiter.reserve"); err != nil {
		return limit.Slot{}, err
	}
	return s.memory.Reserve(ctx, r)
}

// Return implements limit.Store.
func (s *Store) Return(ctx context.Context, key string, slot limit.Slot, interval time.Duration) error {
	if err := s.open(ctx, "limiter.return"); err != nil {
		return err
	}
	return s.memory.Return(ctx, key, slot, interval)
}

// Delay implements limit.Store.
func (s *Store) Delay(ctx context.Context, key string, d time.Duration) error {
	if err := s.open(ctx, "limiter.delay"); err != nil {
		return err
	}
	return s.memory.Delay(ctx, key, d)
}

// Load implements limit.Store. What it returns is durable: the memory learns of a
// state after the file.
func (s *Store) Load(ctx context.Context, keys ...string) (time.Time, []limit.Stored, error) {
	if err := s.open(ctx, "limiter.load"); err != nil {
		return time.Time{}, nil, err
	}
	return s.memory.Load(ctx, keys...)
}

// Save implements limit.Store.
func (s *Store) Save(ctx context.Context, key string, version int64, data []byte) (bool, error) {
	data = bytes.Clone(data)
	change, args := "UPDATE limiter_states SET version = version + 1, data = ? WHERE key = ? AND version = ?", []any{data, key, version}
	if version == 0 {
		change, args = "INSERT INTO limiter_states (data, key, version) VALUES (?, ?, 1) ON CONFLICT DO NOTHING", []any{data, key}
	}
	ok := false
	err := s.write(ctx, "limiter.save", func(ctx context.Context, q querier) error {
		err := one(q.ExecContext(ctx, change, args...))
		ok = err == nil
		if errors.Is(err, errNone) {
			return nil
		}
		return err
	}, func() {
		if ok {
			s.memory.Put(key, limit.Stored{Version: version + 1, Data: data})
		}
	})
	if err != nil {
		return false, err
	}
	return ok, nil
}

// Beat implements limit.Store.
func (s *Store) Beat(ctx context.Context, replica string, age time.Duration) (int, error) {
	if err := s.open(ctx, "limiter.beat"); err != nil {
		return 0, err
	}
	return s.memory.Beat(ctx, replica, age)
}

// remember puts the durable states into memory.
func (s *Store) remember(ctx context.Context) error {
	return s.read(ctx, "store.open", func(ctx context.Context, q querier) (err error) {
		rows, err := q.QueryContext(ctx, "SELECT key, version, data FROM limiter_states")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var key string
			var state limit.Stored
			if err := rows.Scan(&key, &state.Version, &state.Data); err != nil {
				return err
			}
			s.memory.Put(key, state)
		}
		return rows.Err()
	})
}
