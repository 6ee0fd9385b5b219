// Package limit paces the requests to an account: at most so many a second over
// all replicas, fewer after upstream has complained, none while it has banned us.
package limit

import (
	"context"
	"log/slog"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// Class is the priority of a request.
type Class int

// The classes, most urgent first.
const (
	// Login is a login or a token call: everything else waits for it.
	Login Class = iota
	// Interactive is a unary call, or the first page of a list.
	Interactive
	// Sync is the rest of a list.
	Sync
	// Export is what nobody waits for.
	Export

	// ClassCount is the number of classes.
	ClassCount
)

// Config is the configuration of a Limiter.
type Config struct {
	// Account is the account's name, the key of its state.
	Account string
	// Rate is the configured rate, requests a second: above 0, at most 7.
	Rate float64
	// Store is what limiters share.
	Store Store
	// Replica names this process among the live ones; Live tells how many there
	// were when the store last answered (see Presence).
	Live func() int
	// Settings are the durations.
	Settings settings.Settings
	// Logger gets bans, cuts of the rate, and the loss of the store.
	Logger *slog.Logger
}

// Limiter paces the requests of one account. It is safe for concurrent use.
type Limiter struct{}

// New returns a limiter. It asks the store for nothing yet.
func New(config Config) (*Limiter, error) { panic("not yet") }

// Request says what asks for a slot.
type Request struct {
	// Class is its priority.
	Class Class
	// Write says that it changes something upstream: a 402 can be about writes
	// alone.
	Write bool
	// Connects says that the caller makes a connection between Wait and
	// Ticket.Ready, so that Wait is to return Settings.ConnectLead early.
	Connects bool
}

// Wait returns a ticket for the next slot. Its error is a *driver.Error:
// KindQueueFull with RetryAfter at once, when the slot would be later than ctx's
// deadline or the horizon; KindBlocked, KindEgressBlocked, KindPaymentRequired
// while a breaker is open; KindRateLimited with RetryAfter when a 429 holds
// longer than the deadline.
func (l *Limiter) Wait(ctx context.Context, r Request) (*Ticket, error) { panic("not yet") }

// Ticket is the right to send one request at one moment.
type Ticket struct{}

// Ready waits for the moment. It says false when the moment has passed by more
// than Settings.SlotUse: then nothing may be sent, and the caller waits again.
func (t *Ticket) Ready(ctx context.Context) (bool, error) { panic("not yet") }

// Done ends the use of the ticket, whether something was sent or not.
func (t *Ticket) Done() { panic("not yet") }

// Outcome is what an answer says to the limiter.
type Outcome int

// The outcomes.
const (
	// Answered is any answer that shows that we are let in.
	Answered Outcome = iota
	// Limited is a 429.
	Limited
	// Banned is a block: a 403 page of the web server, or a 403 right after 429s.
	Banned
	// Unpaid is a 402.
	Unpaid
	// Silent is no answer at all.
	Silent
)

// Observe takes the answer to a request into account, for all replicas. After
// Limited nothing leaves for hold, or for a growing pause where hold is 0; it
// returns that pause.
func (l *Limiter) Observe(ctx context.Context, r Request, o Outcome, hold time.Duration) time.Duration {
	panic("not yet")
}

// Status is what operators want to know.
type Status struct {
	// Configured and Rate are the configured and the present rate.
	Configured, Rate float64
	// Queue counts those that wait in this process, by class.
	Queue [ClassCount]int
	// LastWait is the wait of the last request that got a slot, by class.
	LastWait [ClassCount]time.Duration
	// Hold is how long nothing leaves after a 429.
	Hold time.Duration
	// Breakers are those that are open.
	Breakers []Breaker
	// Shared says that the store paces us; else it is lost and we take a share.
	Shared bool
}

// Breaker is why requests do not leave.
type Breaker struct {
	// Name is "ban", "egress", "unpaid_reads" or "unpaid_writes".
	Name string
	// Since is when it opened, ProbeIn when the next request may try.
	Since   time.Time
	ProbeIn time.Duration
}

// Status returns the state of the account as the store has it.
func (l *Limiter) Status(ctx context.Context) (Status, error) { panic("not yet") }

// Close gives reserved slots back.
func (l *Limiter) Close() { panic("not yet") }
