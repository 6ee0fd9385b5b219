package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store/internal/engine"
)

const selectAccounts = "SELECT name, url, upstream_id, created_at, revision FROM amogate.accounts"

// Accounts implements account.Store.
func (s *Store) Accounts(ctx context.Context) ([]account.Record, error) {
	var all []account.Record
	err := s.ask(ctx, "account.list", harmless, func(b *pgx.Batch) {
		b.Queue(selectAccounts + " ORDER BY name").Query(func(rows pgx.Rows) (err error) {
			all, err = pgx.CollectRows(rows, scanAccount)
			return err
		})
	})
	return all, err
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, name string) (account.Record, error) {
	var r account.Record
	err := s.ask(ctx, "account.get", harmless, func(b *pgx.Batch) {
		b.Queue(selectAccounts+" WHERE name = $1", name).Query(func(rows pgx.Rows) (err error) {
			r, err = pgx.CollectExactlyOneRow(rows, scanAccount)
			return absent(err, account.ErrNotFound)
		})
	})
	return r, err
}

// CreateAccount implements account.Store. CreatedAt is the database's time.
func (s *Store) CreateAccount(ctx context.Context, r account.Record, kind custody.Kind, first custody.Sealed) error {
	return s.change(ctx, "account.create", func(ctx context.Context, tx pgx.Tx) error {
		var now time.Time
		err := tx.QueryRow(ctx, "INSERT INTO amogate.accounts (name, url, upstream_id, created_at, revision) VALUES ($1, $2, $3, clock_timestamp(), 1) "+
			"ON CONFLICT DO NOTHING RETURNING created_at", r.Name, r.URL, r.UpstreamID).Scan(&now)
		if err != nil {
			return absent(err, account.ErrExists)
		}
		_, err = tx.Exec(ctx, insertCredentials, credentialValues(engine.First(r.Name, kind, first, now))...)
		return err
	})
}

// MoveAccount implements account.Store.
func (s *Store) MoveAccount(ctx context.Context, name, url string, upstreamID int64) error {
	return s.ask(ctx, "account.move", once, func(b *pgx.Batch) {
		b.Queue("UPDATE amogate.accounts SET url = $2, upstream_id = coalesce(nullif($3::bigint, 0), upstream_id), revision = revision + 1 WHERE name = $1",
			name, url, upstreamID).Exec(some(account.ErrNotFound))
	})
}

// RemoveAccount implements account.Store. An account that is added again at once
// gets its first slot as any new one does.
func (s *Store) RemoveAccount(ctx context.Context, name string) error {
	s.setSlots(name, false)
	return s.ask(ctx, "account.remove", once, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.authorizations WHERE account = $1 AND EXISTS (SELECT FROM amogate.accounts WHERE name = $1)", name).Exec(ignore)
		b.Queue("DELETE FROM amogate.limiter_states WHERE key = $1 AND EXISTS (SELECT FROM amogate.accounts WHERE name = $1)", name).Exec(ignore)
		b.Queue("DELETE FROM amogate.limiter_slots WHERE key = $1 AND EXISTS (SELECT FROM amogate.accounts WHERE name = $1)", name).Exec(ignore)
		b.Queue("DELETE FROM amogate.accounts WHERE name = $1", name).Exec(some(account.ErrNotFound))
	})
}

// PutAuthorization implements account.Store.
func (s *Store) PutAuthorization(ctx context.Context, a account.Authorization, life time.Duration) error {
	return s.ask(ctx, "authorization.put", once, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.authorizations WHERE expires_at <= clock_timestamp()").Exec(ignore)
		b.Queue("INSERT INTO amogate.authorizations (state_hash, account, url, expires_at) VALUES ($1, $2, $3, clock_timestamp() + $4::bigint * interval '1 microsecond')",
			a.StateHash[:], a.Account, a.URL, micros(life)).Exec(ignore)
	})
}

// TakeAuthorization implements account.Store.
func (s *Store) TakeAuthorization(ctx context.Context, stateHash [32]byte) (account.Authorization, error) {
	a := account.Authorization{StateHash: stateHash}
	err := s.ask(ctx, "authorization.take", once, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.authorizations WHERE state_hash = $1 AND expires_at > clock_timestamp() RETURNING account, url", stateHash[:]).
			QueryRow(func(row pgx.Row) error { return absent(row.Scan(&a.Account, &a.URL), account.ErrStateInvalid) })
	})
	if err != nil {
		return account.Authorization{}, err
	}
	return a, nil
}

func scanAccount(row pgx.CollectableRow) (account.Record, error) {
	var r account.Record
	err := row.Scan(&r.Name, &r.URL, &r.UpstreamID, &r.CreatedAt, &r.Revision)
	r.CreatedAt = r.CreatedAt.UTC()
	return r, err
}

// absent returns missing instead of the error for no row.
func absent(err, missing error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return missing
	}
	return err
}

// some returns missing when a statement has met no row.
func some(missing error) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return missing
		}
		return nil
	}
}

// micros is a duration as the statements take it, rounded up: slots are never
// closer than was asked.
func micros(d time.Duration) int64 {
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}
