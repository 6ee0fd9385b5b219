package sqlite

import (
	"database/sql"
	"time"
)

// micros is a time as it is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros is the time that was stored.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// orNull is a time as it is stored; the zero time is NULL.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}

// orZero is the time that was stored; NULL is the zero time.
func orZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return fromMicros(us.Int64)
}
