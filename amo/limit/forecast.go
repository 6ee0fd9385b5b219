package limit

import (
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// Forecast is when a request will leave.
type Forecast struct {
	// Due is the moment of its slot by our clock, Interval the time between two
	// slots.
	Due      time.Time
	Interval time.Duration
	// hold is how long nothing leaves after a 429, horizon how long nobody is to
	// wait longer than.
	hold, horizon time.Duration
}

// Refusal returns why somebody with this deadline, zero = none, cannot wait for the
// request and so many slots after it: the error that Limiter.Wait would answer. Nil
// = there is time.
func (f Forecast) Refusal(deadline time.Time, slots int) *driver.Error {
	now := time.Now()
	if f.Due.IsZero() {
		return nil
	}
	departs := f.Due.Add(time.Duration(slots) * f.Interval)
	isLate := !deadline.IsZero() && departs.After(deadline)
	wait := departs.Sub(now)
	switch {
	case isLate && f.hold > 0 && now.Add(f.hold).After(deadline):
		return rateLimited(f.hold)
	case isLate:
		return queueFull(wait, theDeadline)
	case slots > 0 && wait > f.horizon+f.hold:
		return queueFull(wait, theHorizon)
	}
	return nil
}
