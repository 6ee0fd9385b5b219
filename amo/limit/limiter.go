// Package limit paces the requests to an account: at most so many a second over
// all replicas, fewer after upstream has complained, none while it has banned us.
//
// A request waits for a Ticket, which is bound to a slot: a moment that the
// store has given to this process alone. A process reserves slots for those who
// wait in it, and each slot that comes goes to the most urgent of them. What
// upstream answers is told by Ticket.Observe, and what follows from it holds for
// all replicas.
package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/settings"
)

const (
	// MaxRate is the vendor's limit, requests a second.
	MaxRate = 7
	// MaxEmulatedRate is the most where upstream is an emulator, for measurements.
	MaxEmulatedRate = 1000
	// DefaultInFlight is the most requests on their way: the rate times the
	// longest latency that still makes sense.
	DefaultInFlight = 16
	// spread is how much the way to upstream may vary: requests that leave a
	// second apart may arrive that much closer.
	spread = 150 * time.Millisecond
)

// Config is the configuration of a Limiter.
type Config struct {
	// Account is the account's name, the key of its state.
	Account string
	// Rate is the configured rate, requests a second: above 0, at most MaxRate.
	Rate float64
	// Emulated says that upstream is no account of the vendor's: Rate may be up to
	// MaxEmulatedRate.
	Emulated bool
	// InFlight is the most tickets in use at a time. Were there no bound,
	// requests that wait for a connection while upstream stalls would leave all
	// at once when it goes on. Default DefaultInFlight.
	InFlight int
	// Store is what limiters share.
	Store Store
	// Presence tells how many replicas live and whether the store answers.
	// nil = there are no others.
	Presence *Presence
	// Settings are the durations.
	Settings settings.Settings
	// Logger gets bans, cuts of the rate, and the loss of the store. Default:
	// none.
	Logger *slog.Logger
}

// validate returns everything that is wrong.
func (c Config) validate() error {
	var errs []error
	if c.Account == "" {
		errs = append(errs, errors.New("account: a name is required"))
	}
	if err := CheckRate(c.Rate, c.Emulated); err != nil {
		errs = append(errs, err)
	}
	if c.InFlight < 0 {
		errs = append(errs, fmt.Errorf("in flight %d: must not be negative", c.InFlight))
	}
	if c.Store == nil {
		errs = append(errs, errors.New("store: required"))
	}
	return errors.Join(append(errs, c.Settings.Validate())...)
}

// CheckRate says what is wrong with a rate, requests a second, of an account of
// the vendor's or of an emulated one.
func CheckRate(rate float64, emulated bool) error {
	most := MaxRate
	if emulated {
		most = MaxEmulatedRate
	}
	// The negation also catches NaN.
	if !(rate > 0 && rate <= float64(most)) {
		return fmt.Errorf("rate %v: must be above 0 and at most %d requests a second", rate, most)
	}
	return nil
}

// Limiter paces the requests of one account. It is safe for concurrent use. It
// runs no goroutine while nobody waits.
type Limiter struct {
	config  Config
	metrics *metrics

	mu sync.Mutex
	// account and egress are what is known of the store's states, in the versions
	// that are known; loaded says that they were ever read, confirmed is when they
	// were last known to be current.
	account, egress               state
	accountVersion, egressVersion int64
	loaded                        bool
	confirmed                     time.Time
	clock                         clock
	// trip is how long a call of the store takes, by the slow ones of late.
	trip time.Duration
	// changing counts the answers that are being taken into account: nothing
	// leaves meanwhile.
	changing int

	// queue holds those who wait, by class; one who has waited for long moves to
	// the interactive ones.
	queue [ClassCount][]*waiter
	// pool holds the reserved slots that nobody has yet, earliest first.
	pool []slot
	// inUse counts the tickets in use.
	inUse int
	// passed counts the slots since one went to the least urgent waiter.
	passed int
	// delivery fires when the first slot of the pool has to be handed out.
	delivery *time.Timer

	// asking says that a goroutine asks the store for what is missing; askAgain is
	// when asking makes sense again after the store has refused, and alarm fires
	// then.
	asking   bool
	askAgain time.Time
	alarm    *time.Timer

	// fallback replaces the store while that is lost, nil while it is not. It is
	// a store of our own, at a rate that is our share.
	fallback *Memory
	// tryStore is when a lost store is tried again.
	tryStore time.Time
	// lostAccount and lostEgress are the versions of the states at the loss.
	lostAccount, lostEgress int64
	// epoch counts the losses and returns of the store: slots of an epoch before
	// are worth nothing.
	epoch int

	lastWait [ClassCount]time.Duration
}

// New returns a limiter. It asks the store for nothing yet.
func New(config Config) (*Limiter, error) {
	if config.InFlight == 0 {
		config.InFlight = DefaultInFlight
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("limit: %w", err)
	}
	l := &Limiter{config: config}
	var err error
	if l.metrics, err = newMetrics(l); err != nil {
		return nil, fmt.Errorf("limit: metrics: %w", err)
	}
	return l, nil
}

// Request says what asks for a slot.
type Request struct {
	// Class is its priority.
	Class Class
	// Write says that it changes something upstream: a 402 can be about writes
	// alone.
	Write bool
	// Lead is how long before its slot the request needs its ticket, since between
	// Wait and Ticket.Ready its caller gets a connection.
	Lead time.Duration
	// Foresee, if set, is told when the slot will be, as soon as that is known and
	// whenever it changes. It is for a request of many callers, whose deadlines the
	// limiter does not see. It is called under the limiter's lock and must not call
	// it.
	Foresee func(Forecast)
}

// Wait returns a ticket for the next slot, which its caller uses and then ends
// with Done. Its error is a *driver.Error: KindQueueFull with RetryAfter at once,
// when the slot would be later than ctx's deadline or the horizon; KindBlocked,
// KindEgressBlocked, KindPaymentRequired while a breaker is open;
// KindRateLimited with RetryAfter when a 429 holds longer than the deadline;
// KindStore… when the state of the account was never read and cannot be;
// KindDeadline and KindCancelled when ctx ended.
func (l *Limiter) Wait(ctx context.Context, r Request) (*Ticket, error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	probes, err := l.admit(ctx, r)
	if err != nil {
		l.metrics.refused(ctx, r.Class, err)
		return nil, err
	}
	w := newWaiter(ctx, r)
	w.probes = probes
	l.enqueue(w)
	select {
	case <-w.done:
	case <-ctx.Done():
		l.leave(w)
		// Its place may have come in the same moment.
		<-w.done
		if w.ticket != nil {
			w.ticket.Done()
		} else {
			l.release(probes)
		}
		return nil, contextError(ctx)
	}
	if w.err != nil {
		l.release(probes)
		l.metrics.refused(ctx, r.Class, w.err)
		return nil, w.err
	}
	return w.ticket, nil
}

// Rate is the rate at which slots come now, requests a second, as far as this
// process knows it.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fallback != nil {
		return float64(time.Second) / float64(l.interval())
	}
	return l.account.rate(l.storeNow(), l.config.Rate, l.config.Settings)
}

// Status is what operators want to know.
type Status struct {
	// Configured and Rate are the configured and the present rate.
	Configured, Rate float64
	// Queue counts those that wait in this process, by class.
	Queue [ClassCount]int
	// InFlight counts the tickets in use in this process.
	InFlight int
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

// Status returns the state of the account as the store has it, or while the
// store is lost as this process knows it.
func (l *Limiter) Status(ctx context.Context) (Status, error) {
	l.mu.Lock()
	lost := l.fallback != nil
	l.mu.Unlock()
	if !lost {
		if err := l.load(ctx); err != nil {
			return Status{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.storeNow()
	s := Status{
		Configured: l.config.Rate,
		Rate:       l.account.rate(now, l.config.Rate, l.config.Settings),
		InFlight:   l.inUse,
		LastWait:   l.lastWait,
		Hold:       l.account.hold(now),
		Shared:     l.fallback == nil,
	}
	for class := range l.queue {
		for _, w := range l.queue[class] {
			s.Queue[w.request.Class]++
		}
	}
	for _, b := range l.breakers() {
		if b.open() {
			s.Breakers = append(s.Breakers, Breaker{Name: b.name, Since: b.Since, ProbeIn: max(b.ProbeAt.Sub(now), 0)})
		}
	}
	return s, nil
}

// Close ends the limiter's metrics. Those who wait are served; reserved slots
// that nobody waits for are given back at once anyway.
func (l *Limiter) Close() {
	l.metrics.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting() == 0 {
		stop(l.delivery)
		stop(l.alarm)
	}
}

// contextError is the error of a caller that went away or ran out of time.
func contextError(ctx context.Context) *driver.Error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return &driver.Error{Kind: driver.KindDeadline, Message: "the deadline passed before there was a slot; nothing was sent", Err: cause}
	}
	return &driver.Error{Kind: driver.KindCancelled, Message: "the call was cancelled", Err: cause}
}
