package amo

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

const (
	// readTries, setTries and limitedTries are the most attempts of a read, of a
	// write that may be repeated, and of anything after a 429.
	readTries    = 3
	setTries     = 2
	limitedTries = 5

	// The pause before try n after a failure is random up to retryBase·2ⁿ⁻¹, at
	// most retryMax.
	retryBase = 300 * time.Millisecond
	retryMax  = 8 * time.Second
	// After a 429 without Retry-After nothing leaves for limitedBase·2ⁿ⁻¹ and a
	// random part of it, at most limitedMax.
	limitedBase = time.Second
	limitedMax  = 30 * time.Second
	// maxHold is the longest that a Retry-After keeps everybody waiting: a wrong
	// one must not silence the account for good.
	maxHold = 15 * time.Minute
)

// send carries r out: it repeats what is safe to repeat within ctx's deadline
// and renews the credentials once. The error is an *Error that carries the name
// of the call. A write that may have happened ends as KindOutcomeUnknown or
// KindResponseLost.
func (c *Client) send(ctx context.Context, r request) (usage, error) {
	var u usage
	err := c.try(ctx, r, &u)
	if err == nil {
		return u, nil
	}
	if err.Op == "" {
		// The error may be shared with other callers (a login's): copy it.
		named := *err
		named.Op = r.call.Name
		err = &named
	}
	return u, err
}

func (c *Client) try(ctx context.Context, r request, u *usage) *Error {
	renewed := false
	for tries := 1; ; tries++ {
		out := c.attempt(ctx, r, u)
		if !r.open && acceptedBy(out) {
			c.credentials.accepted(out.mark)
		}
		if out.err == nil {
			return nil
		}
		if out.err.Kind == KindReauth && out.err.Status == http.StatusUnauthorized && out.sent && !r.open && !renewed {
			renewed = true
			err := c.credentials.renew(ctx, out.mark)
			if err == nil {
				u.retries++
				tries--
				continue
			}
			out = outcome{unready: true, err: asError(err)}
		}
		if out.unready {
			return verdict(r.call.Effect, out, u.ambiguous)
		}
		pause, again := retry(r, tries, out)
		if out.err.Kind == KindRateLimited {
			c.limiter.hold(time.Now().Add(pause))
			out.err.RetryAfter = pause
		}
		if !again || r.once || !fits(ctx, pause) {
			return verdict(r.call.Effect, out, u.ambiguous)
		}
		u.ambiguous = u.ambiguous || ambiguous(r.call.Effect, out)
		u.retries++
		c.config.Logger.DebugContext(ctx, "retry", "account", c.config.Account, "operation", r.call.Name, "try", tries, "pause", pause.String(), "error", out.err)
		// After a 429 the limiter itself makes everybody wait.
		if out.err.Kind != KindRateLimited {
			if err := sleep(ctx, pause); err != nil {
				return verdict(r.call.Effect, outcome{err: asError(err)}, u.ambiguous)
			}
		}
	}
}

// acceptedBy says that upstream took the credentials of an attempt: it answered,
// or refused for a reason that is none of theirs.
func acceptedBy(out outcome) bool {
	if out.err == nil {
		return true
	}
	switch out.err.Status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound, http.StatusUnprocessableEntity:
		return out.sent && out.err.Kind != KindReauth
	}
	return false
}

// retry says whether r is to be tried again after out, and after which pause.
func retry(r request, tries int, out outcome) (pause time.Duration, again bool) {
	kind := out.err.Kind
	if kind == KindRateLimited {
		pause = out.err.RetryAfter
		if pause == 0 {
			base := min(limitedBase<<(tries-1), limitedMax)
			pause = base/2 + jitter(base/2)
		}
		return min(pause, maxHold), tries < limitedTries
	}
	limit := readTries
	if out.sent {
		switch r.call.Effect {
		case driver.Read:
		case driver.Set:
			limit = setTries
		case driver.Create:
			return 0, false
		}
	}
	switch kind {
	case KindUnavailable:
		if r.splittable && out.err.Status == http.StatusGatewayTimeout {
			return 0, false
		}
	case KindBadResponse:
		if refused(out.err) {
			return 0, false
		}
	case KindDNS:
	default:
		return 0, false
	}
	return jitter(min(retryBase<<(tries-1), retryMax)), tries < limit
}

// ambiguous says that a write may have happened although it failed.
func ambiguous(effect driver.Effect, out outcome) bool {
	if effect == driver.Read || !out.sent {
		return false
	}
	switch out.err.Kind {
	case KindUnavailable, KindBadResponse, KindTooLarge, KindDeadline, KindCancelled:
		return !refused(out.err)
	default:
		return false
	}
}

// refused says that upstream answered by a status that means it did nothing:
// a redirect or a client error, however odd its body.
func refused(err *Error) bool { return err.Status >= 300 && err.Status < 500 }

// verdict is the final error of a request. Earlier says that an attempt before
// the last may have been carried out.
func verdict(effect driver.Effect, out outcome, earlier bool) *Error {
	err := out.err
	last := ambiguous(effect, out)
	before := earlier && effect == driver.Set && (out.unready || unanswered(err.Kind))
	if !last && !before {
		return err
	}
	final := *err
	final.Kind = KindOutcomeUnknown
	final.Message = "the write was sent and its outcome is not known: " + err.Message
	if last && err.Status >= 200 && err.Status < 300 {
		final.Kind = KindResponseLost
		final.Message = "upstream wrote, but its answer was lost: " + err.Message
	}
	return &final
}

// unanswered are the kinds of an attempt that tells nothing of the state
// upstream, so that an earlier ambiguous attempt stays ambiguous.
func unanswered(kind Kind) bool {
	switch kind {
	case KindUnavailable, KindBadResponse, KindDNS, KindTLS, KindDeadline, KindCancelled, KindQueueFull, KindRateLimited, KindReauth, KindBlocked, KindMoved:
		return true
	default:
		return false
	}
}

// fits says whether a pause ends before ctx's deadline.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// jitter returns a random duration below limit.
func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit) //nolint:gosec // spreads retries, guards nothing
}

// sleep waits for d, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}
