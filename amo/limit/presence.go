package limit

import (
	"context"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// Presence tells the other replicas that this process lives, and its limiters
// how many there are and whether the store answers. There is one in a process. A
// nil Presence is that of a process that is alone.
type Presence struct {
	store    Store
	replica  string
	settings settings.Settings

	mu sync.Mutex
	// live is the number of replicas by the last beat that was answered; 0 = none
	// was.
	live int
	// lost says that the last beat was not answered, back is when the first one
	// after a loss was.
	lost bool
	back time.Time
}

// NewPresence returns the presence of a replica, whose name is unique among all.
func NewPresence(store Store, replica string, s settings.Settings) *Presence {
	return &Presence{store: store, replica: replica, settings: s}
}

// Run beats until ctx ends.
func (p *Presence) Run(ctx context.Context) {
	ticker := time.NewTicker(p.settings.Beat)
	defer ticker.Stop()
	for {
		p.beat(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// beat says once that we live. A store that does not answer within a beat is
// away.
func (p *Presence) beat(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, p.settings.Beat)
	defer cancel()
	live, err := p.store.Beat(bounded, p.replica, 3*p.settings.Beat)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.lost = true
		return
	}
	if p.lost {
		p.lost, p.back = false, time.Now()
	}
	p.live = live
}

// Live is how many replicas lived when the store last answered, this one
// included.
func (p *Presence) Live() int {
	if p == nil {
		return 1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.live, 1)
}

// away says that the store did not answer the last beat.
func (p *Presence) away() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// settled says that the store has been back for so long that all replicas have
// noticed.
func (p *Presence) settled() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.lost && !p.back.IsZero() && time.Since(p.back) > p.settings.StoreFoundPause
}
