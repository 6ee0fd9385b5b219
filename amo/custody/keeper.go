package custody

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/keyring"
)

// Exchange asks the token endpoint for the pair after old, once. Its error is a
// *driver.Error: KindReauth = the refresh token is not accepted, KindMisconfigured
// = the integration is not; KindOutcomeUnknown and KindResponseLost = the call may
// have been carried out; anything else = it was not, try again later. Status 0
// then says that the token endpoint was not even asked.
type Exchange func(ctx context.Context, old Secret) (Pair, error)

// Config is the configuration of a Keeper.
type Config struct {
	// Account is the account's name.
	Account string
	// Owner names this process in leases; it is unique.
	Owner string
	// Store keeps the records, Ring seals them.
	Store Store
	Ring  *keyring.Ring
	// Journal keeps pairs that the store has not taken yet. The keepers of a
	// process share it.
	Journal *Journal
	// Exchange asks the token endpoint. nil = credentials that are not renewed.
	Exchange Exchange
	// Integration is a digest of the integration that Exchange speaks for, without
	// a secret in it: when it changes, StateMisconfigured ends.
	Integration string
	// Settings are the durations; zero = settings.Default.
	Settings settings.Settings
	// Logger gets refreshes and losses, never a token. Default: none.
	Logger *slog.Logger
	// Step, if set, is called when a refresh reaches a point, in the goroutine of
	// the refresh: tests end or stop the process there. It must not call the
	// keeper.
	Step func(Point)
}

// Point is a point of a refresh.
type Point string

// The points, in order.
const (
	BeforeLease  Point = "before-lease"
	AfterLease   Point = "after-lease"
	BeforeCall   Point = "before-call"
	AfterCall    Point = "after-call"
	AfterJournal Point = "after-journal"
	AfterCommit  Point = "after-commit"
)

// Keeper keeps the credentials of one account. It is safe for concurrent use.
type Keeper struct {
	config  Config
	metrics *metrics

	// life ends with Close; what was received is saved beyond it.
	life context.Context //nolint:containedctx // the life of the keeper, not of a call
	end  context.CancelFunc

	mu sync.Mutex
	// held is what was read or made last; nil = nothing yet.
	held *held
	// used says that somebody has asked for these credentials.
	used bool
	// verdict is what upstream said of a generation when the store could not be
	// told.
	verdict verdict
	// renewed is the last generation that took the place of one that upstream had
	// refused with 401, and accepted the last that upstream has taken since.
	// refusals counts the 401 in a row to such fresh ones, or to credentials that
	// are not renewed.
	renewed, accepted int64
	refusals          int
	// flight is the work in progress for all who wait for it; nil = none.
	flight *flight
	// unsaved is a received pair that the store has not taken; nil = none.
	unsaved *unsaved
	// quiet is until when nobody begins an early refresh, and lookAgain until when
	// nobody reads the record of useless credentials again.
	quiet, lookAgain time.Time
	// warned is the least number of days before the end of a long-lived token that
	// was warned of.
	warned int
}

// flight is one piece of work for many callers.
type flight struct {
	done chan struct{}
	err  error // set before done is closed
}

// New returns a keeper. It reads nothing yet. Close it.
func New(config Config) (*Keeper, error) {
	var errs []error
	if config.Account == "" {
		errs = append(errs, errors.New("custody: the account's name is missing"))
	}
	if config.Owner == "" {
		errs = append(errs, errors.New("custody: the owner's name is missing"))
	}
	if config.Store == nil || config.Ring == nil || config.Journal == nil {
		errs = append(errs, errors.New("custody: a store, a key ring and a journal are required"))
	}
	if config.Settings == (settings.Settings{}) {
		config.Settings = settings.Default()
	}
	errs = append(errs, config.Settings.Validate())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{config: config}
	k.life, k.end = context.WithCancel(context.Background())
	var err error
	if k.metrics, err = newMetrics(k); err != nil {
		k.end()
		return nil, err
	}
	return k, nil
}

// Current returns the credentials and their generation. It refreshes first when
// the access token has expired; while it is valid the caller never waits for a
// refresh, nor for the store. Its error is a *driver.Error: KindReauth,
// KindTokenLost and KindMisconfigured when a person must act, KindUndecryptable,
// a KindStore… or what the token endpoint said, when it has to be tried again.
func (k *Keeper) Current(ctx context.Context) (Secret, int64, error) {
	seen := int64(0)
	for {
		h := k.use()
		switch {
		case h == nil:
		case h.serves(time.Now()):
			k.refreshEarly(h)
			return h.secret, h.record.Generation, nil
		case seen > 0 && h.record.Generation > seen && h.record.State == StateOK && !h.refused:
			// It was made for us just now and has ended already: trying once more
			// would end the same way.
			return h.secret, h.record.Generation, nil
		default:
			seen = max(seen, h.record.Generation)
		}
		err := k.acquire(ctx, h)
		if err == nil {
			continue
		}
		wait := asError(err).RetryAfter
		if wait <= 0 || !passes(asError(err).Kind) || !fits(ctx, wait) {
			return Secret{}, 0, err
		}
		if err := sleep(ctx, wait); err != nil {
			return Secret{}, 0, err
		}
	}
}

// passes says that a failure may be over within the deadline of a call.
func passes(kind driver.Kind) bool {
	switch kind {
	case driver.KindUnavailable, driver.KindRateLimited, driver.KindQueueFull, driver.KindStoreUnavailable, driver.KindStoreBusy:
		return true
	default:
		return false
	}
}

// acquire makes or finds credentials that serve, in place of h.
func (k *Keeper) acquire(ctx context.Context, h *held) error {
	switch {
	case h == nil:
		return k.join(ctx, k.read)
	case h.record.State != StateOK || h.refused:
		// Another replica may have repaired them, or a person replaced them.
		if k.isJustRead() {
			return k.stateError(h)
		}
		if err := k.join(ctx, k.read); err != nil {
			return err
		}
		now := k.look()
		if now.serves(time.Now()) || now.record.State == StateOK && !now.refused {
			return nil
		}
		return k.stateError(now)
	default:
		return k.join(ctx, func() error { return k.refresh(h.record.Generation) })
	}
}

// Accepted says that upstream has taken the access token of a generation.
func (k *Keeper) Accepted(generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if generation > k.accepted {
		k.accepted = generation
	}
	k.refusals = 0
}

// Renew makes credentials newer than generation, whose access token upstream
// refused with 401, or finds that another replica has made them. When upstream
// refuses two fresh ones in a row, too, the state becomes StateRevoked. Its errors
// are those of Current.
func (k *Keeper) Renew(ctx context.Context, generation int64) error {
	for {
		if h := k.look(); h != nil && h.record.Generation > generation {
			return nil
		}
		ran := false
		err := k.join(ctx, func() error {
			ran = true
			return k.renew(generation)
		})
		if ran || err != nil && (ctx.Err() != nil || k.life.Err() != nil) {
			return err
		}
		// We waited for work of another kind: see what it has left to do.
	}
}

// renew is the work of Renew.
func (k *Keeper) renew(generation int64) error {
	// Another replica's refresh is the usual reason of a 401: it costs no call.
	if err := k.read(); err != nil {
		return err
	}
	h := k.look()
	if h.record.Generation > generation {
		k.noteRenewed(h.record.Generation)
		return nil
	}
	if h.record.State != StateOK || h.refused {
		k.refuse(generation)
		return k.stateError(k.look())
	}
	again := k.canRenew(h)
	if refusals := k.refused(generation, again); refusals >= 2 {
		k.judge(generation, StateRevoked, "upstream refused the account's credentials again and again (401), fresh ones too")
		k.refuse(generation)
		again = false
	}
	if !again {
		return k.stateError(&held{record: Record{State: StateRevoked}})
	}
	if err := k.refresh(generation); err != nil {
		return err
	}
	k.noteRenewed(k.look().record.Generation)
	return nil
}

// refused counts the 401 in a row to fresh credentials: to those that took the
// place of refused ones and were not accepted since, and to those that cannot be
// renewed.
func (k *Keeper) refused(generation int64, renewable bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	isFresh := k.renewed == generation && k.accepted < generation
	switch {
	case isFresh || !renewable:
		k.refusals++
	default:
		k.refusals = 0
	}
	return k.refusals
}

func (k *Keeper) noteRenewed(generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewed = generation
}

// refuse lets the access token of a generation not be used any more.
func (k *Keeper) refuse(generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held.record.Generation == generation {
		refused := *k.held
		refused.refused = true
		k.held = &refused
	}
}

// Tend refreshes early if it is time; it is called now and then for accounts
// that nobody uses, too. It also warns of the end of a long-lived token.
func (k *Keeper) Tend(ctx context.Context) error {
	h := k.look()
	if h == nil || h.record.State != StateOK || h.refused {
		if err := k.join(ctx, k.read); err != nil {
			return err
		}
		h = k.look()
	}
	k.warnOfEnd(h)
	if h.record.State != StateOK || h.refused || !k.isDue(h) || k.isQuiet() {
		return nil
	}
	return k.join(ctx, func() error { return k.refreshQuietly(h.record.Generation) })
}

// Close ends the keeper's background work. It waits for the call of the token
// endpoint that is under way, and until every received pair is durable in the
// store or in the journal. When ctx ends first, that goes on, and an error says
// so.
func (k *Keeper) Close(ctx context.Context) error {
	k.end()
	k.metrics.close()
	for {
		wait := k.unfinished()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return &driver.Error{
				Kind:    driver.KindStoreUnavailable,
				Message: "the account has new tokens that neither the store nor the journal has taken; mend the store or the data directory before the process ends",
				Err:     context.Cause(ctx),
			}
		}
	}
}

// unfinished returns what Close has to wait for; nil = nothing.
func (k *Keeper) unfinished() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flight != nil {
		return k.flight.done
	}
	if k.unsaved == nil {
		return nil
	}
	select {
	case <-k.unsaved.done: // the journal has it
		return nil
	default:
		return k.unsaved.done
	}
}

// join runs work for all who need its result at the same time, or waits for the
// work in progress, whatever it is. Work does not end with the caller that began
// it; each caller waits no longer than its own deadline.
func (k *Keeper) join(ctx context.Context, work func() error) error {
	k.mu.Lock()
	f := k.flight
	if f == nil {
		if k.life.Err() != nil {
			k.mu.Unlock()
			return errClosed()
		}
		f = k.fly(work)
	}
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// fly begins work; k is locked.
func (k *Keeper) fly(work func() error) *flight {
	f := &flight{done: make(chan struct{})}
	k.flight = f
	go func() {
		// A panic is an error of all who wait, and must not leave them waiting.
		f.err = errors.New("custody: the work ended without a result")
		defer func() {
			k.mu.Lock()
			k.flight = nil
			k.mu.Unlock()
			close(f.done)
		}()
		f.err = contain(work)
	}()
	return f
}

// refreshEarly begins a refresh in the background when it is time.
func (k *Keeper) refreshEarly(h *held) {
	if !k.isDue(h) || k.isQuiet() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flight == nil && k.life.Err() == nil {
		k.fly(func() error { return k.refreshQuietly(h.record.Generation) })
	}
}

// refreshQuietly refreshes while nobody has to wait for it: after a failure it
// rests.
func (k *Keeper) refreshQuietly(generation int64) error {
	err := k.refresh(generation)
	if err != nil && k.life.Err() == nil {
		k.rest(max(asError(err).RetryAfter, k.config.Settings.TokenRetryBase))
		k.config.Logger.Warn("the early refresh failed; the old token goes on serving", "account", k.config.Account, "error", err)
	}
	return err
}

// rest lets no early refresh begin for d.
func (k *Keeper) rest(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.quiet = time.Now().Add(d)
}

func (k *Keeper) isQuiet() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Now().Before(k.quiet)
}

func (k *Keeper) isJustRead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Now().Before(k.lookAgain)
}

func (k *Keeper) step(p Point) {
	if k.config.Step != nil {
		k.config.Step(p)
	}
}
