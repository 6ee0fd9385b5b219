package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		err     error
		kind    amo.Kind
		message string
	}{
		{&pgconn.PgError{Code: "55P03"}, amo.KindStoreBusy, "too busy"},
		{&pgconn.PgError{Code: "57014"}, amo.KindStoreBusy, "too busy"},
		{&pgconn.PgError{Code: "40001"}, amo.KindStoreBusy, "too busy"},
		{&pgconn.PgError{Code: "40P01"}, amo.KindStoreBusy, "too busy"},
		{errExhausted, amo.KindStoreBusy, "too busy"},
		{&pgconn.PgError{Code: "53100"}, amo.KindStoreFull, "full"},
		{&pgconn.PgError{Code: "25006"}, amo.KindStoreUnavailable, "read-only"},
		{&pgconn.PgError{Code: "28P01"}, amo.KindStoreUnavailable, "the user or the password of --store"},
		{&pgconn.PgError{Code: "28000"}, amo.KindStoreUnavailable, "the user or the password of --store"},
		{&pgconn.PgError{Code: "3D000"}, amo.KindStoreUnavailable, "does not exist"},
		{&pgconn.PgError{Code: "42P01"}, amo.KindStoreUnavailable, "amogate migrate"},
		{&pgconn.PgError{Code: "42501"}, amo.KindStoreUnavailable, "lacks a right"},
		{&pgconn.PgError{Code: "57P01"}, amo.KindStoreUnavailable, "does not answer"},
		{&pgconn.PgError{Code: "08P01"}, amo.KindStoreUnavailable, "does not answer"},
		{&pgconn.PgError{Code: "XX000"}, amo.KindStoreUnavailable, "does not answer"},
		{io.ErrUnexpectedEOF, amo.KindStoreUnavailable, "does not answer"},
		{context.DeadlineExceeded, amo.KindStoreUnavailable, "does not answer"},
	} {
		err := failure(t.Context(), "store.test", fmt.Errorf("wrapped: %w", c.err))
		var e *amo.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Message, c.message) || e.Op != "store.test" {
			t.Errorf("%v: %#v, want kind %d and %q", c.err, err, c.kind, c.message)
			continue
		}
		if code := code(c.err); code != "" && strings.Contains(e.Message, code) {
			t.Errorf("%v: the message for callers holds the code: %s", c.err, e.Message)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v: the cause is gone: %v", c.err, err)
		}
	}
}

func TestFailure_keepsTheNamedOnes(t *testing.T) {
	for _, want := range []error{custody.ErrNotFound, account.ErrNotFound, account.ErrExists, account.ErrStateInvalid} {
		if err := failure(t.Context(), "store.test", want); !errors.Is(err, want) || amo.IsKind(err, amo.KindStoreUnavailable) {
			t.Errorf("%v became %v", want, err)
		}
	}
}

func TestTry_repeatsWhatIsSafe(t *testing.T) {
	for _, c := range []struct {
		err                error
		undone, cut, known bool
	}{
		{&pgconn.PgError{Code: "55P03"}, true, false, false},
		{&pgconn.PgError{Code: "40001"}, true, false, false},
		{&pgconn.PgError{Code: "57014"}, false, false, false},
		{&pgconn.PgError{Code: "57P01"}, false, true, false},
		{&pgconn.PgError{Code: "08006"}, false, true, false},
		{&pgconn.PgError{Code: "53100"}, false, false, false},
		{io.ErrUnexpectedEOF, false, true, false},
		{context.DeadlineExceeded, false, false, false},
		{errExhausted, false, false, false},
		{account.ErrExists, false, false, true},
	} {
		if undone(c.err) != c.undone || cut(c.err) != c.cut || isKnown(c.err) != c.known {
			t.Errorf("%v: undone %v, cut %v, known %v", c.err, undone(c.err), cut(c.err), isKnown(c.err))
		}
	}
}

func TestMillis_isNeverNone(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1ms", time.Microsecond: "1ms", 2 * time.Second: "2000ms", 1500 * time.Microsecond: "1ms"} {
		if got := millis(d); got != want {
			t.Errorf("millis(%v) = %s, want %s", d, got, want)
		}
	}
}
