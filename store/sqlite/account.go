package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store/internal/engine"
)

const selectAccounts = "SELECT name, url, upstream_id, created_at, revision FROM accounts"

// Accounts implements account.Store.
func (s *Store) Accounts(ctx context.Context) ([]account.Record, error) {
	var all []account.Record
	err := s.read(ctx, "account.list", func(ctx context.Context, q querier) (err error) {
		rows, err := q.QueryContext(ctx, selectAccounts+" ORDER BY name")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			r, err := scanAccount(rows)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		return rows.Err()
	})
	return all, err
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, name string) (account.Record, error) {
	var r account.Record
	err := s.read(ctx, "account.get", func(ctx context.Context, q querier) (err error) {
		r, err = scanAccount(q.QueryRowContext(ctx, selectAccounts+" WHERE name = ?", name))
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrNotFound
		}
		return err
	})
	return r, err
}

// CreateAccount implements account.Store. CreatedAt is the store's time.
func (s *Store) CreateAccount(ctx context.Context, r account.Record, kind custody.Kind, first custody.Sealed) error {
	return s.write(ctx, "account.create", func(ctx context.Context, q querier) error {
		now := s.now()
		err := one(q.ExecContext(ctx, "INSERT INTO accounts (name, url, upstream_id, created_at, revision) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO NOTHING",
			r.Name, r.URL, r.UpstreamID, micros(now)))
		if errors.Is(err, errNone) {
			return account.ErrExists
		}
		if err != nil {
			return err
		}
		c := engine.First(r.Name, kind, first, now)
		_, err = q.ExecContext(ctx, "INSERT INTO credentials ("+credentialColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", credentialValues(c)...)
		return err
	}, nil)
}

// MoveAccount implements account.Store.
func (s *Store) MoveAccount(ctx context.Context, name, url string, upstreamID int64) error {
	return s.write(ctx, "account.move", func(ctx context.Context, q querier) error {
		err := one(q.ExecContext(ctx, "UPDATE accounts SET url = ?, upstream_id = coalesce(nullif(?, 0), upstream_id), revision = revision + 1 WHERE name = ?",
			url, upstreamID, name))
		if errors.Is(err, errNone) {
			return account.ErrNotFound
		}
		return err
	}, nil)
}

// RemoveAccount implements account.Store. What is left in memory is when the next
// slot is: an account that is added again at once is no reason to send more.
func (s *Store) RemoveAccount(ctx context.Context, name string) error {
	return s.write(ctx, "account.remove", func(ctx context.Context, q querier) error {
		err := one(q.ExecContext(ctx, "DELETE FROM accounts WHERE name = ?", name))
		if errors.Is(err, errNone) {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, "DELETE FROM authorizations WHERE account = ?", name); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, "DELETE FROM limiter_states WHERE key = ?", name)
		return err
	}, func() { s.memory.Forget(name) })
}

// PutAuthorization implements account.Store.
func (s *Store) PutAuthorization(ctx context.Context, a account.Authorization, life time.Duration) error {
	return s.write(ctx, "authorization.put", func(ctx context.Context, q querier) error {
		now := s.now()
		if _, err := q.ExecContext(ctx, "DELETE FROM authorizations WHERE expires_at <= ?", micros(now)); err != nil {
			return err
		}
		_, err := q.ExecContext(ctx, "INSERT INTO authorizations (state_hash, account, url, expires_at) VALUES (?, ?, ?, ?)",
			a.StateHash[:], a.Account, a.URL, micros(now.Add(life)))
		return err
	}, nil)
}

// TakeAuthorization implements account.Store.
func (s *Store) TakeAuthorization(ctx context.Context, stateHash [32]byte) (account.Authorization, error) {
	a := account.Authorization{StateHash: stateHash}
	err := s.write(ctx, "authorization.take", func(ctx context.Context, q querier) error {
		err := q.QueryRowContext(ctx, "DELETE FROM authorizations WHERE state_hash = ? AND expires_at > ? RETURNING account, url",
			stateHash[:], micros(s.now())).Scan(&a.Account, &a.URL)
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrStateInvalid
		}
		return err
	}, nil)
	if err != nil {
		return account.Authorization{}, err
	}
	return a, nil
}

// scanner is a row.
type scanner interface{ Scan(values ...any) error }

func scanAccount(row scanner) (account.Record, error) {
	var r account.Record
	var created int64
	err := row.Scan(&r.Name, &r.URL, &r.UpstreamID, &created, &r.Revision)
	r.CreatedAt = fromMicros(created)
	return r, err
}

// errNone says that a statement met no row.
var errNone = errors.New("no row")

// one returns errNone unless a statement has met a row.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return errNone
	}
	return err
}
