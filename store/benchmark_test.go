package store_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/store"
)

// engines runs a benchmark on each engine that is there.
func engines(b *testing.B, run func(*testing.B, store.Store)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) {
		s := open(b, file(b))
		defer func() { _ = s.Close() }()
		run(b, s)
	})
	database, ok := pgtest.Database(b)
	if !ok {
		return
	}
	b.Run("postgres", func(b *testing.B) {
		s := open(b, database)
		defer func() { _ = s.Close() }()
		run(b, s)
	})
}

// BenchmarkReserve takes slots of one account, and of many.
func BenchmarkReserve(b *testing.B) {
	for _, accounts := range []int64{1, 1000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			engines(b, func(b *testing.B, s store.Store) {
				b.Helper()
				var n atomic.Int64
				b.SetParallelism(16)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						key := strconv.FormatInt(n.Add(1)%accounts, 10)
						if _, err := s.Reserve(b.Context(), limit.Reservation{Key: key, Interval: time.Microsecond, Within: time.Hour}); err != nil {
							b.Error(err)
						}
					}
				})
			})
		})
	}
}

// BenchmarkInsert adds accounts with credentials of 1.5 KB, each durable when its
// call returns: alone, and with others beside it.
func BenchmarkInsert(b *testing.B) {
	var n atomic.Int64
	insert := func(b *testing.B, s store.Store) {
		b.Helper()
		name := fmt.Sprintf("shop-%d", n.Add(1))
		err := s.CreateAccount(b.Context(), account.Record{Name: name}, custody.KindOAuth, custody.Sealed{Generation: 1, KeyID: "k", Data: make([]byte, 1536)})
		if err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		engines(b, func(b *testing.B, s store.Store) {
			b.Helper()
			for b.Loop() {
				insert(b, s)
			}
		})
	})
	b.Run("grouped", func(b *testing.B) {
		engines(b, func(b *testing.B, s store.Store) {
			b.Helper()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					insert(b, s)
				}
			})
		})
	})
}

// BenchmarkRequest takes down the intent of a call and stores its outcome, which is
// what a request id costs: alone, and with others beside it.
func BenchmarkRequest(b *testing.B) {
	var n atomic.Int64
	call := func(b *testing.B, s store.Store) {
		b.Helper()
		i := idempotency.Intent{
			Key: idempotency.NewKey("shop", "method", strconv.FormatInt(n.Add(1), 10)), Owner: "o", ID: "i", Since: time.Now(), Life: time.Hour,
		}
		if _, _, err := s.ClaimRequest(b.Context(), i); err != nil {
			b.Error(err)
		}
		if err := s.SaveRequest(b.Context(), i.Key, i.ID, make([]byte, 40), idempotency.Done); err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		engines(b, func(b *testing.B, s store.Store) {
			b.Helper()
			for b.Loop() {
				call(b, s)
			}
		})
	})
	b.Run("grouped", func(b *testing.B) {
		engines(b, func(b *testing.B, s store.Store) {
			b.Helper()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					call(b, s)
				}
			})
		})
	})
}
