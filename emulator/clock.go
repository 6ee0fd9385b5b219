package emulator

import (
	"sync/atomic"
	"time"
)

// clock is the account's, which can be wrong.
type clock struct{ offset atomic.Int64 }

// SetClock makes the account's clock run so far ahead of ours, or behind it with a negative offset: dates of answers,
// times of records and the lives of tokens and sessions follow it, the limiter does not.
func (e *Emulator) SetClock(offset time.Duration) { e.clock.offset.Store(int64(offset)) }

// now is the time by the account's clock.
func (e *Emulator) now() time.Time { return time.Now().Add(time.Duration(e.clock.offset.Load())) }
