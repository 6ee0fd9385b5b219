package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/store/internal/engine"
)

const (
	requestColumns = "key, hash, owner, intent, since, state, doubted, outcome, expires_at"
	// insertRequest makes the row of a call that was never seen, which most are.
	insertRequest = "INSERT INTO amogate.requests (" + requestColumns + ") VALUES ($1, $2, $3, $4, $5, $6, false, '', clock_timestamp() + $7::bigint * interval '1 microsecond') " +
		"ON CONFLICT DO NOTHING"
	selectRequest = "SELECT " + requestColumns + ", EXISTS (SELECT FROM amogate.request_owners o WHERE o.owner = r.owner AND o.until > clock_timestamp()), clock_timestamp() " +
		"FROM amogate.requests r WHERE key = $1 FOR UPDATE OF r"
	updateRequest = "UPDATE amogate.requests SET (" + requestColumns + ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9) WHERE key = $1"
	// ownerForgotten is after how many of its lives a dead owner is forgotten.
	ownerForgotten = 100
)

// ClaimRequest implements idempotency.Store. An intent that was taken down by a
// try whose answer was lost is known again by its id.
func (s *Store) ClaimRequest(ctx context.Context, i idempotency.Intent) (idempotency.Record, idempotency.Claim, error) {
	var r idempotency.Record
	var claim idempotency.Claim
	err := s.try(ctx, "request.claim", harmless, func(ctx context.Context, conn *pgxpool.Conn) error {
		for {
			isNew, err := s.insertRequest(ctx, conn, i)
			if err != nil {
				return err
			}
			if isNew {
				r, claim = idempotency.Record{Intent: i}, idempotency.Taken
				return nil
			}
			met := false
			err = pgx.BeginTxFunc(ctx, conn, s.begin, func(tx pgx.Tx) (err error) {
				met, r, claim, err = meetRequest(ctx, tx, i)
				return err
			})
			if err != nil || met {
				return err
			}
			// It was swept or forgotten in between.
		}
	})
	if err != nil {
		return idempotency.Record{}, 0, err
	}
	return r, claim, nil
}

func (s *Store) insertRequest(ctx context.Context, conn *pgxpool.Conn, i idempotency.Intent) (bool, error) {
	isNew := false
	b := s.batch()
	b.Queue(insertRequest, i.Key[:], i.Hash[:], i.Owner, i.ID, i.Since, int64(idempotency.Open), micros(i.Life)).Exec(func(tag pgconn.CommandTag) error {
		isNew = tag.RowsAffected() == 1
		return nil
	})
	return isNew, conn.SendBatch(ctx, b).Close()
}

// meetRequest applies the rule of an intent to the call that is there, which it
// locks; met says that there is one.
func meetRequest(ctx context.Context, tx pgx.Tx, i idempotency.Intent) (met bool, r idempotency.Record, claim idempotency.Claim, err error) {
	var lives bool
	var now time.Time
	rows, err := tx.Query(ctx, selectRequest, i.Key[:])
	if err != nil {
		return false, r, 0, err
	}
	r, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (idempotency.Record, error) {
		var r idempotency.Record
		var key, hash []byte
		err := row.Scan(&key, &hash, &r.Owner, &r.ID, &r.Since, &r.State, &r.Doubted, &r.Outcome, &r.ExpiresAt, &lives, &now)
		copy(r.Key[:], key)
		copy(r.Hash[:], hash)
		r.Since = r.Since.UTC()
		return r, err
	})
	if err != nil {
		return false, r, 0, absent(err, nil)
	}
	claim, changed := engine.Claim(&r, i, lives, now)
	if changed {
		_, err = tx.Exec(ctx, updateRequest, r.Key[:], r.Hash[:], r.Owner, r.ID, r.Since, int64(r.State), r.Doubted, notNull(r.Outcome), r.ExpiresAt)
	}
	return true, r, claim, err
}

// SaveRequest implements idempotency.Store. A part that is there twice says no more
// than once.
func (s *Store) SaveRequest(ctx context.Context, key idempotency.Key, id string, part []byte, state idempotency.State) error {
	return s.ask(ctx, "request.save", harmless, func(b *pgx.Batch) {
		b.Queue("UPDATE amogate.requests SET outcome = outcome || $3::bytea, state = CASE WHEN intent = $2 THEN $4::bigint ELSE state END WHERE key = $1",
			key[:], id, notNull(part), int64(state)).Exec(ignore)
	})
}

// ForgetRequest implements idempotency.Store.
func (s *Store) ForgetRequest(ctx context.Context, key idempotency.Key, id string) error {
	return s.ask(ctx, "request.forget", harmless, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.requests WHERE key = $1 AND intent = $2 AND outcome = ''", key[:], id).Exec(ignore)
	})
}

// HoldRequests implements idempotency.Store.
func (s *Store) HoldRequests(ctx context.Context, owner string, life time.Duration) error {
	return s.ask(ctx, "request.hold", harmless, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.request_owners WHERE until < clock_timestamp() - $1::bigint * interval '1 microsecond'", ownerForgotten*micros(life)).Exec(ignore)
		b.Queue("INSERT INTO amogate.request_owners (owner, until) VALUES ($1, clock_timestamp() + $2::bigint * interval '1 microsecond') "+
			"ON CONFLICT (owner) DO UPDATE SET until = excluded.until", owner, micros(life)).Exec(ignore)
	})
}

// SweepRequests implements idempotency.Store. Replicas that sweep at the same time
// do not wait for each other.
func (s *Store) SweepRequests(ctx context.Context, most int) (int, error) {
	var found int64
	err := s.ask(ctx, "request.sweep", harmless, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.requests WHERE key IN (SELECT key FROM amogate.requests WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
			int64(most)).Exec(func(tag pgconn.CommandTag) error {
			found = tag.RowsAffected()
			return nil
		})
	})
	return int(found), err
}

// notNull is bytes as they are stored: none are no NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
