package amo

import (
	"sync"

	"github.com/amogate/amogate/amo/settings"
)

// RetryBudget keeps retries to a share of the requests, so that an outage is not
// answered with more of them. It is safe for concurrent use.
type RetryBudget struct {
	share, burst float64

	mu    sync.Mutex
	saved float64
}

// NewRetryBudget returns a budget with everything saved that can be.
func NewRetryBudget(s settings.Settings) *RetryBudget {
	return &RetryBudget{share: s.RetryShare, burst: s.RetryBurst, saved: s.RetryBurst}
}

// earn adds the share of one request.
func (b *RetryBudget) earn() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = min(b.saved+b.share, b.burst)
}

// spend takes one retry if there is one.
func (b *RetryBudget) spend() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.saved < 1 {
		return false
	}
	b.saved--
	return true
}

// giveBack returns a retry that was not made.
func (b *RetryBudget) giveBack() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = min(b.saved+1, b.burst)
}
