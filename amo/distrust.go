package amo

import (
	"sync"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// distrust are the operations that upstream goes on to refuse with 401 whatever the
// credentials, for instance those of a generation that an account has no longer.
// Each of their calls would cost a refresh, and refresh tokens work once.
type distrust struct {
	pause time.Duration

	mu sync.Mutex
	// taken is the mark of the newest credentials that upstream took.
	taken uint64
	// until is until when an operation renews nothing, by its name.
	until map[string]time.Time
}

func newDistrust(s settings.Settings) *distrust {
	return &distrust{pause: s.TokenWindow / time.Duration(s.TokenCalls), until: map[string]time.Time{}}
}

// accepted notes that upstream took the credentials of mark for an operation.
func (d *distrust) accepted(operation string, mark uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken = max(d.taken, mark)
	delete(d.until, operation)
}

// again notes that upstream refused an operation with credentials that were
// renewed for it.
func (d *distrust) again(operation string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until[operation] = time.Now().Add(d.pause)
}

// inVain says that new credentials are no help: upstream takes those of mark for
// other operations, and refused this one with renewed ones a while ago.
func (d *distrust) inVain(operation string, mark uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.taken >= mark && time.Now().Before(d.until[operation])
}
