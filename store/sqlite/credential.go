package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store/internal/engine"
)

const credentialColumns = "account, kind, generation, key_id, sealed, issued_at, expires_at, state, reason, " +
	"lease_owner, lease_epoch, lease_until, unsettled, failures, retry_at"

const (
	selectCredentials = "SELECT " + credentialColumns + " FROM credentials"
	updateCredentials = "UPDATE credentials SET (" + credentialColumns + ") = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE account = ?"
)

// Credentials implements custody.Store.
func (s *Store) Credentials(ctx context.Context, account string) (custody.Record, error) {
	var r custody.Record
	err := s.read(ctx, "credentials.get", func(ctx context.Context, q querier) (err error) {
		r, err = credentials(ctx, q, account)
		return err
	})
	if err != nil {
		return custody.Record{}, err
	}
	return engine.Shown(r, s.now()), nil
}

// AllCredentials implements custody.Store.
func (s *Store) AllCredentials(ctx context.Context) ([]custody.Record, error) {
	var all []custody.Record
	err := s.read(ctx, "credentials.list", func(ctx context.Context, q querier) (err error) {
		rows, err := q.QueryContext(ctx, selectCredentials+" ORDER BY account")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			r, err := scanCredentials(rows)
			if err != nil {
				return err
			}
			all = append(all, engine.Shown(r, s.now()))
		}
		return rows.Err()
	})
	return all, err
}

// PutCredentials implements custody.Store.
func (s *Store) PutCredentials(ctx context.Context, account string, kind custody.Kind, next custody.Sealed) (bool, error) {
	ok := false
	err := s.write(ctx, "credentials.put", func(ctx context.Context, q querier) error {
		r, err := credentials(ctx, q, account)
		if err != nil {
			return err
		}
		if ok = engine.Put(&r, kind, next, s.now()); !ok {
			return nil
		}
		if err := update(ctx, q, r); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, "UPDATE accounts SET revision = revision + 1 WHERE name = ?", account)
		return err
	}, nil)
	if err != nil {
		return false, err
	}
	return ok, nil
}

// change applies a rule to a record and keeps what it made of it. A caller that did
// not wait does not look at what the rule says: the writer may be at it.
func (s *Store) change(ctx context.Context, op, account string, rule func(*custody.Record, time.Time) bool) (bool, error) {
	ok := false
	err := s.write(ctx, op, func(ctx context.Context, q querier) error {
		r, err := credentials(ctx, q, account)
		if err != nil {
			return err
		}
		if ok = rule(&r, s.now()); !ok {
			return nil
		}
		return update(ctx, q, r)
	}, nil)
	if err != nil {
		return false, err
	}
	return ok, nil
}

func credentials(ctx context.Context, q querier, account string) (custody.Record, error) {
	r, err := scanCredentials(q.QueryRowContext(ctx, selectCredentials+" WHERE account = ?", account))
	if errors.Is(err, sql.ErrNoRows) {
		return custody.Record{}, custody.ErrNotFound
	}
	return r, err
}

func update(ctx context.Context, q querier, r custody.Record) error {
	_, err := q.ExecContext(ctx, updateCredentials, append(credentialValues(r), r.Account)...)
	return err
}

// credentialValues are the values of credentialColumns.
func credentialValues(r custody.Record) []any {
	return []any{
		r.Account, string(r.Kind), r.Generation, r.KeyID, r.Sealed, micros(r.IssuedAt), orNull(r.ExpiresAt), string(r.State), r.Reason,
		r.LeaseOwner, r.LeaseEpoch, orNull(r.LeaseUntil), r.Unsettled, r.Failures, orNull(r.RetryAt),
	}
}

func scanCredentials(row scanner) (custody.Record, error) {
	var r custody.Record
	var issued int64
	var expires, until, retry sql.NullInt64
	err := row.Scan(&r.Account, &r.Kind, &r.Generation, &r.KeyID, &r.Sealed, &issued, &expires, &r.State, &r.Reason,
		&r.LeaseOwner, &r.LeaseEpoch, &until, &r.Unsettled, &r.Failures, &retry)
	r.IssuedAt, r.ExpiresAt, r.LeaseUntil, r.RetryAt = fromMicros(issued), orZero(expires), orZero(until), orZero(retry)
	return r, err
}
