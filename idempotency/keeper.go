package idempotency

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
)

// ErrReused says that the request id was used for another request.
var ErrReused = errors.New("idempotency: the request id was used for another request")

// InProgressError says that a call with the same request id is under way and did
// not end in time.
type InProgressError struct {
	// RetryAfter is when it is worth another look.
	RetryAfter time.Duration
}

// Error implements error.
func (e *InProgressError) Error() string {
	return "idempotency: a call with the same request id is under way"
}

// maxUnsure bounds how many intents are remembered of which it is not known
// whether they were taken down; one that is not is in doubt when it is met again.
const maxUnsure = 10_000

// Config is the configuration of a Keeper. Store, Owner and Settings have no
// default.
type Config struct {
	// Store keeps the calls.
	Store Store
	// Owner names this process among the replicas. It is unique.
	Owner string
	// Settings are the durations.
	Settings settings.Settings
	// Logger gets outcomes that could not be stored. Default: none.
	Logger *slog.Logger
}

// Keeper keeps the calls of one process. It is safe for concurrent use.
type Keeper struct {
	config Config

	mu sync.Mutex
	// flights are the calls that are carried out here.
	flights map[Key]*flight
	// unsure are the ids of intents that may have been taken down.
	unsure map[Key]string
	closed bool
	// landed is closed when a closed keeper has no flight left.
	landed chan struct{}

	// holding is held while the store is told that this process lives; held is when
	// it was, last.
	holding sync.Mutex
	held    time.Time

	end   context.CancelFunc
	tasks sync.WaitGroup
}

// flight is a call that is carried out here.
type flight struct {
	hash Hash
	// isTaken says that the store has its intent: until then it may be the one that
	// uses the id of another.
	isTaken bool
	done    chan struct{}
}

// New returns a keeper, and begins to say that this process lives and to remove
// what is too old. Close it before the store.
func New(ctx context.Context, config Config) *Keeper {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{config: config, flights: map[Key]*flight{}, unsure: map[Key]string{}, landed: make(chan struct{})}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	k.end = end
	k.every(life, config.Settings.RequestHold/3, k.beat)
	k.every(life, config.Settings.RequestSweep, k.sweep)
	return k
}

// every calls task again and again until the keeper is closed.
func (k *Keeper) every(life context.Context, pause time.Duration, task func(context.Context)) {
	k.tasks.Go(func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				task(life)
			case <-life.Done():
				return
			}
		}
	})
}

// Close takes down no further call and waits, no longer than ctx, for those that are
// carried out here.
func (k *Keeper) Close(ctx context.Context) error {
	k.mu.Lock()
	if !k.closed {
		k.closed = true
		k.settle()
	}
	k.mu.Unlock()
	var err error
	select {
	case <-k.landed:
	case <-ctx.Done():
		err = errors.New("idempotency: calls are still carried out; what becomes of them is not stored")
	}
	k.end()
	k.tasks.Wait()
	return err
}

// settle says that a closed keeper has no flight left. It is called with mu held.
func (k *Keeper) settle() {
	if k.closed && len(k.flights) == 0 {
		close(k.landed)
	}
}

// Begin begins a call, or returns what became of it before. It waits, as long as
// ctx, for one with the same key that is under way. Its error is ErrReused, an
// *InProgressError, or an *amo.Error of the store; then the call must not be
// carried out. A call that it returns has to be ended.
func (k *Keeper) Begin(ctx context.Context, key Key, hash Hash) (*Call, error) {
	for {
		other, err := k.takeOff(key, hash)
		if err != nil {
			return nil, err
		}
		if other != nil {
			select {
			case <-other:
				continue
			case <-ctx.Done():
				return nil, k.inProgress()
			}
		}
		call, err := k.claim(ctx, key, hash)
		if err != nil || call != nil {
			return call, err
		}
		// Another replica is at it.
		select {
		case <-time.After(k.config.Settings.RequestPoll):
		case <-ctx.Done():
			return nil, k.inProgress()
		}
	}
}

func (k *Keeper) inProgress() error {
	return &InProgressError{RetryAfter: k.config.Settings.RequestAgain}
}

// takeOff makes a call the one that is carried out here, or returns what is closed
// when the one that is has ended.
func (k *Keeper) takeOff(key Key, hash Hash) (other <-chan struct{}, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, &amo.Error{Kind: amo.KindStoreUnavailable, Op: "request.claim", Message: "the server is stopping and takes down no further call"}
	}
	f, ok := k.flights[key]
	if !ok {
		k.flights[key] = &flight{hash: hash, done: make(chan struct{})}
		return nil, nil
	}
	if f.isTaken && f.hash != hash {
		return nil, ErrReused
	}
	return f.done, nil
}

// take notes that the store has the intent of a call that takeOff began.
func (k *Keeper) take(key Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flights[key].isTaken = true
}

// land ends what takeOff began.
func (k *Keeper) land(key Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.flights[key].done)
	delete(k.flights, key)
	k.settle()
}

// claim takes down the intent of a call that is carried out here from now on. It
// returns no call where another replica is at it.
func (k *Keeper) claim(ctx context.Context, key Key, hash Hash) (call *Call, err error) {
	isTaken := false
	defer func() {
		if !isTaken {
			k.land(key)
		}
	}()
	if err := k.hold(ctx, true); err != nil {
		return nil, err
	}
	i := Intent{
		Key: key, Hash: hash, Owner: k.config.Owner, ID: k.intentID(key),
		Since: time.Now(), Life: k.config.Settings.RequestLife,
	}
	r, claim, err := k.config.Store.ClaimRequest(ctx, i)
	k.sure(key, i.ID, err)
	if err != nil {
		return nil, err
	}
	switch claim {
	case Held:
		return nil, nil //nolint:nilnil // the call of another is none of ours
	case Reused:
		return nil, ErrReused
	case Ended, Taken:
	}
	known, err := decode(r.Outcome)
	if err != nil {
		return nil, err
	}
	if isTaken = claim == Taken; isTaken {
		k.take(key)
	}
	return &Call{keeper: k, key: key, id: i.ID, isOurs: isTaken, since: r.Since, isDoubted: isTaken && r.Doubted, known: known, open: map[int]bool{}}, nil
}

// intentID returns the id of an intent: that of the one before, if nobody knows
// whether it was taken down.
func (k *Keeper) intentID(key Key) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if id, ok := k.unsure[key]; ok {
		return id
	}
	return rand.Text()
}

// sure notes whether it is known that an intent was taken down.
func (k *Keeper) sure(key Key, id string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		delete(k.unsure, key)
		return
	}
	if len(k.unsure) >= maxUnsure {
		clear(k.unsure)
	}
	k.unsure[key] = id
}

// hold tells the store that this process lives, unless it was told lately. The
// calls of one that it takes for dead are taken over.
func (k *Keeper) hold(ctx context.Context, isLazy bool) error {
	k.holding.Lock()
	defer k.holding.Unlock()
	if isLazy && time.Since(k.held) < k.config.Settings.RequestHold/2 {
		return nil
	}
	began := time.Now()
	if err := k.config.Store.HoldRequests(ctx, k.config.Owner, k.config.Settings.RequestHold); err != nil {
		return err
	}
	k.held = began
	return nil
}

// beat tells the store that this process lives, while it has calls.
func (k *Keeper) beat(ctx context.Context) {
	k.mu.Lock()
	idle := len(k.flights) == 0
	k.mu.Unlock()
	if idle {
		return
	}
	if err := k.hold(ctx, false); err != nil && ctx.Err() == nil {
		k.config.Logger.WarnContext(ctx, "the store does not learn that this process carries out calls; others may take them for lost", "error", err)
	}
}

// sweep removes what is too old, some at a time.
func (k *Keeper) sweep(ctx context.Context) {
	for {
		found, err := k.config.Store.SweepRequests(ctx, k.config.Settings.RequestSweepSize)
		if err != nil && ctx.Err() == nil {
			k.config.Logger.DebugContext(ctx, "old calls not removed", "error", err)
		}
		if err != nil || found < k.config.Settings.RequestSweepSize {
			return
		}
	}
}
