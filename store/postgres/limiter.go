package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/store/internal/engine"
)

const (
	lockSlot   = "SELECT FROM amogate.limiter_slots WHERE key = $1 FOR UPDATE"
	insertSlot = "INSERT INTO amogate.limiter_slots (key, next_at) VALUES ($1, clock_timestamp() + $2::bigint * interval '1 microsecond') ON CONFLICT DO NOTHING"

	// reserveSlot takes the lock of the row before it reads the clock. lockSlot
	// goes before it, so that the states that it reads are those of a moment when
	// the lock was held already; it does not rely on that for the row, which may
	// appear in between.
	reserveSlot = `
		WITH held AS MATERIALIZED (SELECT next_at FROM amogate.limiter_slots WHERE key = $1 FOR UPDATE),
		clock AS MATERIALIZED (SELECT next_at, clock_timestamp() AS now FROM held),
		slot AS MATERIALIZED (
			SELECT greatest(next_at, now + $7::bigint * interval '1 microsecond') AS at, now,
				coalesce((SELECT version FROM amogate.limiter_states WHERE key = $1), 0) <> $4::bigint
				OR coalesce((SELECT version FROM amogate.limiter_states WHERE key = $5), 0) <> $6::bigint AS stale
			FROM clock
		),
		taken AS (
			UPDATE amogate.limiter_slots s SET next_at = slot.at + $2::bigint * interval '1 microsecond'
			FROM slot WHERE s.key = $1 AND NOT slot.stale AND slot.at <= slot.now + $3::bigint * interval '1 microsecond'
			RETURNING 1
		)
		SELECT EXISTS (SELECT FROM taken), stale, at, now FROM slot`

	// replicaDead is after how many of the caller's ages a replica is forgotten.
	replicaDead = 10
)

// errEmptied is the cause of an error after a crash of the database.
var errEmptied = errors.New("the database has crashed or removed us: it does not know any more what was reserved")

// Reserve implements limit.Store. It fails once when the database has forgotten
// the slots of an account, as after a crash that was too short for anybody to
// notice: what replicas have reserved is forgotten too, so the shared limiter was
// lost.
func (s *Store) Reserve(ctx context.Context, r limit.Reservation) (limit.Slot, error) {
	known := s.hasSlots(r.Key)
	for {
		slot, err := s.reserve(ctx, r)
		if err == nil {
			s.setSlots(r.Key, true)
			return slot, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return limit.Slot{}, err
		}
		if known {
			s.setSlots(r.Key, false)
			return limit.Slot{}, engine.Unavailable("limiter.reserve", errEmptied)
		}
		// The account is new here, or the database has crashed and somebody may
		// have used the slots before: the first is a while away.
		err = s.ask(ctx, "limiter.reserve", harmless, func(b *pgx.Batch) {
			b.Queue(insertSlot, r.Key, micros(s.options.Settings.FirstSlot)).Exec(ignore)
		})
		if err != nil {
			return limit.Slot{}, err
		}
	}
}

// reserve asks for a slot. Its error is pgx.ErrNoRows for an account without a
// row.
func (s *Store) reserve(ctx context.Context, r limit.Reservation) (limit.Slot, error) {
	var slot limit.Slot
	var missing error
	err := s.ask(ctx, "limiter.reserve", harmless, func(b *pgx.Batch) {
		b.Queue(lockSlot, r.Key).Exec(ignore)
		b.Queue(reserveSlot, r.Key, micros(r.Interval), micros(r.Within), r.Version, limit.EgressKey, r.EgressVersion, micros(r.Ahead)).
			QueryRow(func(row pgx.Row) error {
				err := row.Scan(&slot.Granted, &slot.Stale, &slot.At, &slot.Now)
				missing = nil
				if errors.Is(err, pgx.ErrNoRows) {
					missing = err
					return nil
				}
				return err
			})
	})
	slot.At, slot.Now = slot.At.UTC(), slot.Now.UTC()
	return slot, errors.Join(err, missing)
}

// hasSlots says whether this process has seen the row of an account.
func (s *Store) hasSlots(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots[key]
}

// setSlots notes whether an account has a row.
func (s *Store) setSlots(key string, has bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if has {
		s.slots[key] = true
		return
	}
	delete(s.slots, key)
}

// Return implements limit.Store.
func (s *Store) Return(ctx context.Context, key string, slot limit.Slot, interval time.Duration) error {
	return s.ask(ctx, "limiter.return", once, func(b *pgx.Batch) {
		b.Queue("UPDATE amogate.limiter_slots SET next_at = $2::timestamptz WHERE key = $1 AND next_at = $2::timestamptz + $3::bigint * interval '1 microsecond'",
			key, slot.At, micros(interval)).Exec(ignore)
	})
}

// Delay implements limit.Store.
func (s *Store) Delay(ctx context.Context, key string, d time.Duration) error {
	return s.ask(ctx, "limiter.delay", harmless, func(b *pgx.Batch) {
		b.Queue(insertSlot, key, micros(s.options.Settings.FirstSlot)).Exec(ignore)
		b.Queue("UPDATE amogate.limiter_slots SET next_at = greatest(next_at, clock_timestamp() + $2::bigint * interval '1 microsecond') WHERE key = $1",
			key, micros(d)).Exec(ignore)
	})
}

// Load implements limit.Store.
func (s *Store) Load(ctx context.Context, keys ...string) (time.Time, []limit.Stored, error) {
	var now time.Time
	states := make([]limit.Stored, len(keys))
	err := s.ask(ctx, "limiter.load", harmless, func(b *pgx.Batch) {
		b.Queue("SELECT key, version, data FROM amogate.limiter_states WHERE key = ANY ($1::text[])", keys).Query(func(rows pgx.Rows) error {
			clear(states)
			var found string
			var state limit.Stored
			_, err := pgx.ForEachRow(rows, []any{&found, &state.Version, &state.Data}, func() error {
				for i, key := range keys {
					if key == found {
						states[i] = state
					}
				}
				state.Data = nil
				return nil
			})
			return err
		})
		b.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	})
	if err != nil {
		return time.Time{}, nil, err
	}
	return now.UTC(), states, nil
}

// Save implements limit.Store.
func (s *Store) Save(ctx context.Context, key string, version int64, data []byte) (bool, error) {
	change, args := "UPDATE amogate.limiter_states SET version = version + 1, data = $2 WHERE key = $1 AND version = $3::bigint", []any{key, data, version}
	if version == 0 {
		change, args = "INSERT INTO amogate.limiter_states (key, version, data) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING", []any{key, data}
	}
	ok := false
	err := s.ask(ctx, "limiter.save", once, func(b *pgx.Batch) {
		b.Queue(change, args...).Exec(func(tag pgconn.CommandTag) error {
			ok = tag.RowsAffected() == 1
			return nil
		})
	})
	if err != nil {
		return false, err
	}
	return ok, nil
}

// Beat implements limit.Store. It fails once when the database has forgotten this
// replica, as Reserve does.
func (s *Store) Beat(ctx context.Context, replica string, age time.Duration) (int, error) {
	live, added := 0, false
	err := s.ask(ctx, "limiter.beat", once, func(b *pgx.Batch) {
		b.Queue("DELETE FROM amogate.limiter_replicas WHERE replica <> $2 AND seen_at < clock_timestamp() - $1::bigint * interval '1 microsecond'",
			replicaDead*micros(age), replica).Exec(ignore)
		b.Queue("INSERT INTO amogate.limiter_replicas AS r (replica, seen_at) VALUES ($1, clock_timestamp()) "+
			"ON CONFLICT (replica) DO UPDATE SET seen_at = clock_timestamp() RETURNING r.xmax = 0", replica).
			QueryRow(func(row pgx.Row) error { return row.Scan(&added) })
		b.Queue("SELECT count(*) FROM amogate.limiter_replicas WHERE replica = $2 OR seen_at >= clock_timestamp() - $1::bigint * interval '1 microsecond'", micros(age), replica).
			QueryRow(func(row pgx.Row) error { return row.Scan(&live) })
	})
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	known := s.beats[replica]
	s.beats[replica] = true
	s.mu.Unlock()
	if known && added {
		return 0, engine.Unavailable("limiter.beat", errEmptied)
	}
	return live, nil
}
