package driver

import (
	"fmt"
	"strings"
	"time"
)

// Kind is the cause of an Error, as far as a caller can act on it.
type Kind int

// The kinds. Package amo re-exports them; server/status.go turns each into a
// status code and a reason.
const (
	// KindBug: a condition that must not occur.
	KindBug Kind = iota
	// KindInvalid: a value of the request cannot be sent.
	KindInvalid
	// KindUpstreamInvalid: upstream refused a value.
	KindUpstreamInvalid
	// KindUnsupported: the API generation cannot express the operation or field.
	KindUnsupported
	// KindInexpressible: the API generation takes the field, but cannot express
	// this value of it; another value would do.
	KindInexpressible
	// KindNotFound: upstream has no such record.
	KindNotFound
	// KindForbidden: the CRM user lacks the right.
	KindForbidden
	// KindReauth: upstream does not accept the credentials.
	KindReauth
	// KindPaymentRequired: the subscription has ended.
	KindPaymentRequired
	// KindBlocked: upstream has blocked the account or this address.
	KindBlocked
	// KindMoved: the account lives on another host.
	KindMoved
	// KindCustomersDisabled: customers are switched off in the account.
	KindCustomersDisabled
	// KindCustomersNotInPlan: the plan has no customers.
	KindCustomersNotInPlan
	// KindCustomersMode: the account's customers work in another mode.
	KindCustomersMode
	// KindRateLimited: upstream answered 429 and the deadline is too near.
	KindRateLimited
	// KindQueueFull: the limiter's queue is longer than the deadline.
	KindQueueFull
	// KindConflict: the record is newer than the change.
	KindConflict
	// KindNotAttempted: an item of a batch that was not sent.
	KindNotAttempted
	// KindLoop: upstream sent a page of the list twice.
	KindLoop
	// KindUnavailable: upstream failed or did not answer.
	KindUnavailable
	// KindBadResponse: upstream's answer cannot be understood.
	KindBadResponse
	// KindDNS: the host name does not resolve.
	KindDNS
	// KindTLS: the host has no certificate that we trust.
	KindTLS
	// KindTooLarge: upstream's answer is too large or too deep.
	KindTooLarge
	// KindOutcomeUnknown: a write was sent and may have happened.
	KindOutcomeUnknown
	// KindResponseLost: a write happened, but its answer was lost.
	KindResponseLost
	// KindDeadline: the deadline passed; nothing was written.
	KindDeadline
	// KindCancelled: the caller went away.
	KindCancelled
	// KindCursor: the list was begun over a generation that is not in use.
	KindCursor
	// KindTokenLost: the tokens that replaced the stored ones were lost.
	KindTokenLost
	// KindEgressBlocked: upstream has blocked the address of this process.
	KindEgressBlocked
	// KindHostGone: the account's host name does not exist, or leads to an address
	// that is none of upstream's.
	KindHostGone
	// KindMisconfigured: upstream does not accept the integration itself.
	KindMisconfigured
	// KindUndecryptable: no key of the ring opens the stored credentials.
	KindUndecryptable
	// KindStoreUnavailable: the store does not answer.
	KindStoreUnavailable
	// KindStoreBusy: the store answers, but not in time.
	KindStoreBusy
	// KindStoreFull: the store cannot grow.
	KindStoreFull

	// KindCount is the number of kinds; tests walk them.
	KindCount
)

// Error is the one error type of package amo and its codecs.
type Error struct {
	Kind Kind
	// Op is the operation: "customers.update".
	Op string
	// Message is fit for callers; it holds no secret and no body of upstream
	// beyond its own short error text.
	Message string
	// Fields are the faulty fields; paths are relative to the resource.
	Fields []FieldError
	// ID of the record, where one is concerned; 0 = none.
	ID int64
	// Status and Code are upstream's HTTP status and error code; 0 and "" when
	// there was none.
	Status int
	Code   string
	// Host is the new host of a moved account, as upstream tells it.
	Host string
	// Items are the items of a batch that upstream named when it refused all of
	// it; nil = it named none. The rest is not at fault.
	Items []ItemError
	// Mode is the mode of the account's customers and Needed the one that is
	// needed, as upstream codes them; set on KindCustomersMode, as far as known.
	Mode, Needed string
	// Generation is set on KindUnsupported and KindInexpressible.
	Generation Generation
	// RetryAfter is how long to wait; 0 = not known.
	RetryAfter time.Duration
	// Err is the cause: it is logged, and not sent to callers.
	Err error
}

// FieldError is one faulty field.
type FieldError struct {
	// Path in our names: "custom_fields[2].number".
	Path string
	// Description says what is wrong and how to mend it.
	Description string
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Path, f.Description)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (upstream status %d", e.Status)
		if e.Code != "" {
			fmt.Fprintf(&b, ", code %s", e.Code)
		}
		b.WriteString(")")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
