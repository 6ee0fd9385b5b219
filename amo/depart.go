package amo

import (
	"context"
	"net/http"
	"time"

	"github.com/amogate/amogate/amo/limit"
)

// departure takes one request to the moment in which it leaves.
type departure struct {
	limiter *limit.Limiter
	request limit.Request
	// leaves is called in that moment.
	leaves func()
	// ticket is the last one that was given; gone says that it was used.
	ticket *limit.Ticket
	gone   bool
}

// timeless is a context whose deadline is not to be heeded before it has passed.
type timeless struct{ context.Context } //nolint:containedctx // this is one

// Deadline implements context.Context.
func (timeless) Deadline() (time.Time, bool) { return time.Time{}, false }

// wait waits for a ticket.
func (d *departure) wait(ctx context.Context) error {
	began := time.Now()
	defer func() { noteWait(ctx, time.Since(began)) }()
	ticket, err := d.limiter.Wait(ctx, d.request)
	if err != nil {
		return err
	}
	d.ticket, d.gone = ticket, false
	return nil
}

// leave returns in the moment of the slot. When a slot has passed, as it does when
// the connection took too long, it waits for another one.
func (d *departure) leave(ctx context.Context) error {
	if d.gone {
		// The connection broke before anything was written, and the transport has
		// got another one.
		if err := d.again(ctx); err != nil {
			return err
		}
	}
	for {
		began := time.Now()
		ready, err := d.ticket.Ready(ctx)
		noteWait(ctx, time.Since(began))
		if err != nil {
			return err
		}
		if ready {
			d.gone = true
			d.leaves()
			return nil
		}
		if err := d.again(ctx); err != nil {
			return err
		}
	}
}

// again waits for another ticket; the connection is there already.
func (d *departure) again(ctx context.Context) error {
	d.ticket.Done()
	d.request.Lead = 0
	return d.wait(ctx)
}

// observe tells the limiter how the request was answered, and returns the error
// of its caller: one that lasts tells how long.
func (d *departure) observe(ctx context.Context, err *Error) *Error {
	o := outcomeOf(err)
	hold := time.Duration(0)
	if o == limit.Limited {
		hold = err.RetryAfter
	}
	o, wait := d.ticket.Observe(ctx, o, hold)
	if o != limit.Limited && o != limit.Banned && o != limit.Unpaid {
		return err
	}
	told := *err
	told.RetryAfter = wait
	if o == limit.Banned && told.Kind != KindBlocked {
		told.Kind = KindBlocked
		told.Message = "upstream refuses everything after too many requests: " + err.Message
	}
	return &told
}

// end gives the ticket back.
func (d *departure) end() {
	if d.ticket != nil {
		d.ticket.Done()
	}
}

// outcomeOf is what the end of an attempt, nil or an error, says to the limiter.
func outcomeOf(err *Error) limit.Outcome {
	if err == nil {
		return limit.Answered
	}
	switch err.Kind { //nolint:exhaustive // the others go by their status
	case KindRateLimited:
		return limit.Limited
	case KindBlocked:
		if err.Code != ipCode {
			return limit.Banned
		}
	case KindPaymentRequired:
		return limit.Unpaid
	}
	switch {
	case err.Status == http.StatusForbidden:
		return limit.Forbidden
	case err.Status == 0 || err.Status >= 500:
		return limit.Silent
	}
	return limit.Answered
}

// ipCode is upstream's code of an address that the account's own white list does
// not have. That is no punishment, and its operator can end it any time.
const ipCode = "113"
