package amo

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Error is the error of every function of this package. Its Kind says what a
// caller can do; Message and Fields are fit to be shown; Err is for the log.
type Error = driver.Error

// FieldError is one faulty field of an Error.
type FieldError = driver.FieldError

// Kind is the cause of an Error.
type Kind = driver.Kind

// The kinds of errors.
const (
	KindBug                = driver.KindBug
	KindInvalid            = driver.KindInvalid
	KindUpstreamInvalid    = driver.KindUpstreamInvalid
	KindUnsupported        = driver.KindUnsupported
	KindInexpressible      = driver.KindInexpressible
	KindNotFound           = driver.KindNotFound
	KindForbidden          = driver.KindForbidden
	KindReauth             = driver.KindReauth
	KindPaymentRequired    = driver.KindPaymentRequired
	KindBlocked            = driver.KindBlocked
	KindMoved              = driver.KindMoved
	KindCustomersDisabled  = driver.KindCustomersDisabled
	KindCustomersNotInPlan = driver.KindCustomersNotInPlan
	KindCustomersMode      = driver.KindCustomersMode
	KindRateLimited        = driver.KindRateLimited
	KindQueueFull          = driver.KindQueueFull
	KindConflict           = driver.KindConflict
	KindNotAttempted       = driver.KindNotAttempted
	KindLoop               = driver.KindLoop
	KindCursor             = driver.KindCursor
	KindUnavailable        = driver.KindUnavailable
	KindBadResponse        = driver.KindBadResponse
	KindDNS                = driver.KindDNS
	KindTLS                = driver.KindTLS
	KindTooLarge           = driver.KindTooLarge
	KindOutcomeUnknown     = driver.KindOutcomeUnknown
	KindResponseLost       = driver.KindResponseLost
	KindDeadline           = driver.KindDeadline
	KindCancelled          = driver.KindCancelled
	KindTokenLost          = driver.KindTokenLost
	KindEgressBlocked      = driver.KindEgressBlocked
	KindHostGone           = driver.KindHostGone
	KindMisconfigured      = driver.KindMisconfigured
	KindUndecryptable      = driver.KindUndecryptable
	KindStoreUnavailable   = driver.KindStoreUnavailable
	KindStoreBusy          = driver.KindStoreBusy
	KindStoreFull          = driver.KindStoreFull

	// KindCount is the number of kinds; tests walk them.
	KindCount = driver.KindCount
)

// Generation is a generation of the upstream API.
type Generation = driver.Generation

// The generations; Auto leaves the choice to the route table.
const (
	Auto Generation = 0
	V2              = driver.V2
	V4              = driver.V4
)

// ParentOf returns the parent that a note, or a request about notes, names; both
// are 0 when it names none.
func ParentOf(m proto.Message) (amogatev1.ParentKind, int64) { return driver.Parent(m) }

// SetParent makes a note, or a request about notes, name a parent.
func SetParent(m proto.Message, kind amogatev1.ParentKind, id int64) { driver.SetParent(m, kind, id) }

// IsKind says whether err is an *Error of this kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
