package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store/internal/engine"
)

const credentialColumns = "account, kind, generation, key_id, sealed, issued_at, expires_at, state, reason, " +
	"lease_owner, lease_epoch, lease_until, unsettled, failures, retry_at"

const (
	selectCredentials = "SELECT " + credentialColumns + ", clock_timestamp() FROM amogate.credentials"
	insertCredentials = "INSERT INTO amogate.credentials (" + credentialColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
	updateCredentials = "UPDATE amogate.credentials SET (" + credentialColumns + ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) WHERE account = $1"
)

// Credentials implements custody.Store.
func (s *Store) Credentials(ctx context.Context, account string) (custody.Record, error) {
	var r custody.Record
	err := s.ask(ctx, "credentials.get", harmless, func(b *pgx.Batch) {
		b.Queue(selectCredentials+" WHERE account = $1", account).Query(func(rows pgx.Rows) (err error) {
			r, err = pgx.CollectExactlyOneRow(rows, scanCredentials)
			return absent(err, custody.ErrNotFound)
		})
	})
	if err != nil {
		return custody.Record{}, err
	}
	return engine.Shown(r, r.Now), nil
}

// AllCredentials implements custody.Store.
func (s *Store) AllCredentials(ctx context.Context) ([]custody.Record, error) {
	var all []custody.Record
	err := s.ask(ctx, "credentials.list", harmless, func(b *pgx.Batch) {
		b.Queue(selectCredentials + " ORDER BY account").Query(func(rows pgx.Rows) (err error) {
			all, err = pgx.CollectRows(rows, scanCredentials)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for i, r := range all {
		all[i] = engine.Shown(r, r.Now)
	}
	return all, nil
}

// PutCredentials implements custody.Store.
func (s *Store) PutCredentials(ctx context.Context, account string, kind custody.Kind, next custody.Sealed) (bool, error) {
	ok := false
	err := s.change(ctx, "credentials.put", func(ctx context.Context, tx pgx.Tx) (err error) {
		ok, err = apply(ctx, tx, account, func(r *custody.Record, now time.Time) bool {
			return engine.Put(r, kind, next, now)
		})
		if err != nil || !ok {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE amogate.accounts SET revision = revision + 1 WHERE name = $1", account)
		return err
	})
	if err != nil {
		return false, err
	}
	return ok, nil
}

// rule applies a rule to a record and keeps what it made of it.
func (s *Store) rule(ctx context.Context, op, account string, rule func(*custody.Record, time.Time) bool) (bool, error) {
	ok := false
	err := s.change(ctx, op, func(ctx context.Context, tx pgx.Tx) (err error) {
		ok, err = apply(ctx, tx, account, rule)
		return err
	})
	if err != nil {
		return false, err
	}
	return ok, nil
}

// apply applies a rule to a record that it locks first. The time is read after
// the lock: the wait for it may have been long.
func apply(ctx context.Context, tx pgx.Tx, account string, rule func(*custody.Record, time.Time) bool) (bool, error) {
	var r custody.Record
	var now time.Time
	b := &pgx.Batch{}
	b.Queue(selectCredentials+" WHERE account = $1 FOR UPDATE", account).Query(func(rows pgx.Rows) (err error) {
		r, err = pgx.CollectExactlyOneRow(rows, scanCredentials)
		return absent(err, custody.ErrNotFound)
	})
	b.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return false, err
	}
	if !rule(&r, now.UTC()) {
		return false, nil
	}
	_, err := tx.Exec(ctx, updateCredentials, credentialValues(r)...)
	return err == nil, err
}

// credentialValues are the values of credentialColumns.
func credentialValues(r custody.Record) []any {
	return []any{
		r.Account, string(r.Kind), r.Generation, r.KeyID, r.Sealed, r.IssuedAt, orNull(r.ExpiresAt), string(r.State), r.Reason,
		r.LeaseOwner, r.LeaseEpoch, orNull(r.LeaseUntil), r.Unsettled, int64(r.Failures), orNull(r.RetryAt),
	}
}

func scanCredentials(row pgx.CollectableRow) (custody.Record, error) {
	var r custody.Record
	var expires, until, retry *time.Time
	err := row.Scan(&r.Account, &r.Kind, &r.Generation, &r.KeyID, &r.Sealed, &r.IssuedAt, &expires, &r.State, &r.Reason,
		&r.LeaseOwner, &r.LeaseEpoch, &until, &r.Unsettled, &r.Failures, &retry, &r.Now)
	r.IssuedAt, r.Now = r.IssuedAt.UTC(), r.Now.UTC()
	r.ExpiresAt, r.LeaseUntil, r.RetryAt = orZero(expires), orZero(until), orZero(retry)
	return r, err
}

// orNull is a time as it is stored; the zero time is NULL.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// orZero is the time that was stored; NULL is the zero time.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
