package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/store/internal/engine"
)

const (
	requestColumns = "key, hash, owner, intent, since, state, doubted, outcome, expires_at"
	selectRequest  = "SELECT " + requestColumns + " FROM requests WHERE key = ?"
	putRequest     = "INSERT OR REPLACE INTO requests (" + requestColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

// ClaimRequest implements idempotency.Store. The process is alone: every other
// owner is dead.
func (s *Store) ClaimRequest(ctx context.Context, i idempotency.Intent) (idempotency.Record, idempotency.Claim, error) {
	var r idempotency.Record
	var claim idempotency.Claim
	err := s.write(ctx, "request.claim", func(ctx context.Context, q querier) (err error) {
		now := s.now()
		changed := true
		r, err = scanRequest(q.QueryRowContext(ctx, selectRequest, i.Key[:]))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			r, claim = engine.Begun(i, now), idempotency.Taken
		case err != nil:
			return err
		default:
			claim, changed = engine.Claim(&r, i, false, now)
		}
		if !changed {
			return nil
		}
		_, err = q.ExecContext(ctx, putRequest, r.Key[:], r.Hash[:], r.Owner, r.ID, micros(r.Since), int(r.State), r.Doubted, notNull(r.Outcome), micros(r.ExpiresAt))
		return err
	}, nil)
	if err != nil {
		return idempotency.Record{}, 0, err
	}
	return r, claim, nil
}

// SaveRequest implements idempotency.Store.
func (s *Store) SaveRequest(ctx context.Context, key idempotency.Key, id string, part []byte, state idempotency.State) error {
	return s.write(ctx, "request.save", func(ctx context.Context, q querier) error {
		_, err := q.ExecContext(ctx, "UPDATE requests SET outcome = CAST(outcome || ? AS BLOB), state = iif(intent = ?, ?, state) WHERE key = ?",
			notNull(part), id, int(state), key[:])
		return err
	}, nil)
}

// ForgetRequest implements idempotency.Store.
func (s *Store) ForgetRequest(ctx context.Context, key idempotency.Key, id string) error {
	return s.write(ctx, "request.forget", func(ctx context.Context, q querier) error {
		_, err := q.ExecContext(ctx, "DELETE FROM requests WHERE key = ? AND intent = ? AND outcome = x''", key[:], id)
		return err
	}, nil)
}

// HoldRequests implements idempotency.Store. Nobody asks.
func (s *Store) HoldRequests(ctx context.Context, _ string, _ time.Duration) error {
	return s.open(ctx, "request.hold")
}

// SweepRequests implements idempotency.Store.
func (s *Store) SweepRequests(ctx context.Context, most int) (int, error) {
	var found int64
	err := s.write(ctx, "request.sweep", func(ctx context.Context, q querier) error {
		result, err := q.ExecContext(ctx, "DELETE FROM requests WHERE key IN (SELECT key FROM requests WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)", micros(s.now()), most)
		if err != nil {
			return err
		}
		found, err = result.RowsAffected()
		return err
	}, nil)
	if err != nil {
		return 0, err
	}
	return int(found), nil
}

func scanRequest(row scanner) (idempotency.Record, error) {
	var r idempotency.Record
	var key, hash []byte
	var since, expires int64
	err := row.Scan(&key, &hash, &r.Owner, &r.ID, &since, &r.State, &r.Doubted, &r.Outcome, &expires)
	copy(r.Key[:], key)
	copy(r.Hash[:], hash)
	r.Since, r.ExpiresAt = fromMicros(since), fromMicros(expires)
	return r, err
}

// notNull is bytes as they are stored: none are no NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
