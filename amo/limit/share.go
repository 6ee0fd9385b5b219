package limit

import (
	"context"
	"errors"
	"time"
)

// errAway is why a store is given up that the process has found away.
var errAway = errors.New("the store does not answer")

// keys are those of the states that a limiter reads.
func (l *Limiter) keys() []string { return []string{l.config.Account, EgressKey} }

// store returns the store that paces us, and its epoch: what another epoch gave
// is worth nothing.
func (l *Limiter) store() (Store, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pacing()
}

// pacing is store for those who hold the lock.
func (l *Limiter) pacing() (Store, int) {
	if l.fallback != nil {
		return l.fallback, l.epoch
	}
	return l.config.Store, l.epoch
}

// storeNow is the time by the store's clock.
func (l *Limiter) storeNow() time.Time { return l.clock.at(time.Now()) }

// answers takes note of an answer of the store that shows that the states are
// known, and of its time.
func (l *Limiter) answers(sent, received, now time.Time) {
	l.clock.sample(sent, received, now)
	l.confirmed = sent
	took := min(received.Sub(sent), l.config.Settings.AcquireTimeout)
	l.trip = max(took, l.trip*3/4)
}

// lead is how long before its slot a ticket is needed for a look at the store to
// be over by then.
func (l *Limiter) lead() time.Duration { return 2 * l.trip }

// load reads the states. An error that is the store's makes us go on without it,
// if they were read before.
func (l *Limiter) load(ctx context.Context) error {
	store, epoch := l.store()
	bounded, cancel := l.storeContext(ctx)
	defer cancel()
	sent := time.Now()
	now, states, err := store.Load(bounded, l.keys()...)
	received := time.Now()
	if err != nil {
		if ctx.Err() != nil {
			return contextError(ctx)
		}
		l.lose(epoch, err)
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch != l.epoch {
		return nil
	}
	l.answers(sent, received, now)
	l.loaded = true
	l.adopt(func() {
		if states[0].Version != l.accountVersion {
			l.account, l.accountVersion = decodeState(states[0].Data), states[0].Version
		}
		if states[1].Version != l.egressVersion {
			l.egress, l.egressVersion = decodeState(states[1].Data), states[1].Version
		}
		l.account.bound(now, l.config.Settings)
		l.egress.bound(now, l.config.Settings)
	})
	return nil
}

// adopt lets change the states that are known, and draws the consequences: of
// the slots that were reserved at a higher rate only a share may be used, and who
// cannot leave any more is told.
func (l *Limiter) adopt(change func()) {
	now := l.storeNow()
	before := l.account.rate(now, l.config.Rate, l.config.Settings)
	change()
	share := l.account.rate(now, l.config.Rate, l.config.Settings) / before
	if share < 1 {
		l.thin(share)
	}
	l.refuseAll(func(w *waiter) *driverError { return l.blocked(w.request, w.probes, now) })
	local := time.Now()
	l.refuseAll(func(w *waiter) *driverError {
		if hold := l.account.hold(now); hold > 0 && !w.fits(local.Add(hold)) {
			return rateLimited(hold)
		}
		return nil
	})
	l.proceed()
}

// thin keeps a share of the reserved slots, evenly.
func (l *Limiter) thin(share float64) {
	kept, sum := l.pool[:0], 0.0
	for _, s := range l.pool {
		if sum += share; sum >= 1 {
			sum--
			kept = append(kept, s)
		}
	}
	l.pool = kept
}

// change changes a state, for all replicas. Mutate says whether it did; it is
// called again when the state has changed in between. While the store is lost the
// change is ours alone, until that comes back.
func (l *Limiter) change(ctx context.Context, key string, mutate func(s *state, now time.Time) bool) {
	ctx = context.WithoutCancel(ctx)
	for {
		l.mu.Lock()
		known, version := l.known(key)
		s, from, now := known.clone(), *version, l.storeNow()
		store, epoch := l.pacing() // whose version this is
		l.mu.Unlock()
		if !mutate(&s, now) {
			return
		}
		bounded, cancel := l.storeContext(ctx)
		ok, err := store.Save(bounded, key, from, s.encode())
		cancel()
		if err != nil {
			l.lose(epoch, err) // the fallback takes it
			continue
		}
		if !ok {
			_ = l.load(ctx) // an error has been dealt with there
			continue
		}
		l.mu.Lock()
		// Has the store been lost or found meanwhile, then what paces us now does
		// not know of the change.
		isTold := epoch == l.epoch
		if isTold && *version == from {
			l.adopt(func() { *known, *version = s, from+1 })
		}
		l.mu.Unlock()
		if isTold {
			return
		}
	}
}

// known returns what is known of a key's state.
func (l *Limiter) known(key string) (*state, *int64) {
	if key == EgressKey {
		return &l.egress, &l.egressVersion
	}
	return &l.account, &l.accountVersion
}

// lose goes on without the store: after a pause, at our share of the rate. Before
// the states were ever read there is nothing to go on with, and those who wait are
// told. Epoch is that of the call that failed.
func (l *Limiter) lose(epoch int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.config.Settings
	if epoch != l.epoch || l.fallback != nil || !l.loaded {
		return
	}
	frozen := l.clock
	l.fallback = newMemory(func() time.Time { return frozen.at(time.Now()) }, s.StoreLostPause)
	l.fallback.Put(l.config.Account, Stored{Version: l.accountVersion, Data: l.account.encode()})
	l.fallback.Put(EgressKey, Stored{Version: l.egressVersion, Data: l.egress.encode()})
	l.lostAccount, l.lostEgress = l.accountVersion, l.egressVersion
	l.epoch++
	l.pool, l.askAgain, l.trip = nil, time.Time{}, 0
	l.tryStore = time.Now().Add(s.Beat)
	l.config.Logger.Warn("the store is lost: the limiter goes on at its share of the rate",
		"account", l.config.Account, "replicas", l.config.Presence.Live(), "interval", l.interval().String(), "error", err)
	l.proceed()
}

// find goes back to the store if it answers, and tells it what was learned
// without it.
func (l *Limiter) find(ctx context.Context) {
	told, err := l.tell(ctx)
	if err == nil && !l.config.Presence.settled() {
		// The others may not have noticed and go on at their shares.
		err = l.config.Store.Delay(ctx, l.config.Account, l.config.Settings.StoreFoundPause)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.tryStore = time.Now().Add(l.config.Settings.Beat)
		return
	}
	if l.accountVersion != told.account || l.egressVersion != told.egress {
		return // more was learned meanwhile
	}
	l.fallback = nil
	l.epoch++
	l.pool, l.askAgain = nil, time.Time{}
	l.config.Logger.Info("the store is back: it paces the replicas again", "account", l.config.Account)
	l.adopt(func() {
		l.answers(told.sent, told.received, told.now)
		l.account, l.accountVersion = told.states[0].state, told.states[0].version
		l.egress, l.egressVersion = told.states[1].state, told.states[1].version
	})
}

// found is what the store has after it was told.
type found struct {
	sent, received, now time.Time
	// account and egress are the versions that were told.
	account, egress int64
	states          [2]struct {
		state   state
		version int64
	}
}

// tell merges what was learned without the store into its states.
func (l *Limiter) tell(ctx context.Context) (found, error) {
	for {
		f := found{sent: time.Now()}
		now, states, err := l.config.Store.Load(ctx, l.keys()...)
		if err != nil {
			return found{}, err
		}
		f.received, f.now = time.Now(), now
		l.mu.Lock()
		f.account, f.egress = l.accountVersion, l.egressVersion
		mine := [2]state{l.account.clone(), l.egress.clone()}
		changed := [2]bool{l.accountVersion != l.lostAccount, l.egressVersion != l.lostEgress}
		l.mu.Unlock()
		saved := true
		for i, key := range l.keys() {
			f.states[i].state, f.states[i].version = decodeState(states[i].Data), states[i].Version
			f.states[i].state.bound(now, l.config.Settings)
			if !changed[i] {
				continue
			}
			f.states[i].state.merge(mine[i])
			ok, err := l.config.Store.Save(ctx, key, states[i].Version, f.states[i].state.encode())
			if err != nil {
				return found{}, err
			}
			f.states[i].version++
			saved = saved && ok
		}
		if saved {
			return f, nil
		}
	}
}
