package custody_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/internal/driver"
)

// issuer is a token endpoint whose refresh tokens work once.
type issuer struct {
	// grace lets the last refresh token work on until something of the new pair is
	// used.
	grace bool
	// life is that of access tokens, latency the time until the answer.
	life, latency time.Duration
	// refuse, if set, is the error of call n, counted from 1, which is not carried
	// out; lose says that the answer to call n is lost after it was.
	refuse func(n int) error
	lose   func(n int) bool

	mu sync.Mutex
	// current and last are the numbers of the live pair, and of the one before
	// while the grace lasts.
	current, last int
	calls         []time.Time
	revoked       int
}

func newIssuer(grace bool) *issuer {
	return &issuer{grace: grace, life: 24 * time.Hour, current: 1, last: -1}
}

// pair returns the secrets of pair n.
func pair(n int) custody.Secret {
	return custody.Secret{Access: fmt.Sprintf("access-%d", n), Refresh: fmt.Sprintf("refresh-%d", n)}
}

// exchange is a custody.Exchange.
func (i *issuer) exchange(ctx context.Context, old custody.Secret) (custody.Pair, error) {
	if ctx.Err() != nil {
		return custody.Pair{}, &driver.Error{Kind: driver.KindDeadline, Message: "not sent"}
	}
	n, err := i.serve(old.Refresh)
	timer := time.NewTimer(i.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return custody.Pair{}, &driver.Error{Kind: driver.KindOutcomeUnknown, Message: "no answer"}
	}
	if err != nil {
		return custody.Pair{}, err
	}
	secret := pair(n)
	return custody.Pair{Access: secret.Access, Refresh: secret.Refresh, Life: i.life}, nil
}

func (i *issuer) serve(refresh string) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls = append(i.calls, time.Now())
	call := len(i.calls)
	if i.refuse != nil {
		if err := i.refuse(call); err != nil {
			return 0, err
		}
	}
	switch refresh {
	case pair(i.current).Refresh:
		i.last = i.current
	case pair(i.last).Refresh:
		if !i.grace {
			i.revoked++
			return 0, errRevoked()
		}
	default:
		i.revoked++
		return 0, errRevoked()
	}
	i.current++
	if i.lose != nil && i.lose(call) {
		return 0, &driver.Error{Kind: driver.KindResponseLost, Message: "cut", Status: 200}
	}
	return i.current, nil
}

// use is a use of an access token, which ends the grace of the pair before.
func (i *issuer) use(s custody.Secret) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s.Access == pair(i.current).Access {
		i.last = -1
	}
}

func errRevoked() *driver.Error {
	return &driver.Error{Kind: driver.KindReauth, Message: "token has been revoked", Status: 401}
}

func (i *issuer) counts() (calls, revoked int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.calls), i.revoked
}

// callTimes returns when the calls came.
func (i *issuer) callTimes() []time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]time.Time(nil), i.calls...)
}
