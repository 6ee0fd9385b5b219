package amo

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/settings"
)

// readTries, setTries and limitedTries are the most attempts of a read, of a
// write that may be repeated, and of anything after a 429.
const (
	readTries    = 3
	setTries     = 2
	limitedTries = 5
)

// sending is a request that is being carried out.
type sending struct {
	request
	usage usage
	// tries counts the attempts that count, renewed and followed say that the
	// credentials were renewed and the account's host looked for.
	tries             int
	renewed, followed bool
	// root is where the last attempt went, mark that of its credentials.
	root *url.URL
	mark uint64
	// kept is an answer that was received and is not decoded yet, answer the last one
	// that was.
	kept, answer *rawAnswer
}

// send carries r out: it repeats what is safe to repeat within ctx's deadline
// and renews the credentials once. The error is an *Error that carries the name
// of the call. A write that may have happened ends as KindOutcomeUnknown or
// KindResponseLost.
func (c *Client) send(ctx context.Context, r request) (usage, error) {
	s := &sending{request: r}
	err := c.carryOut(ctx, s)
	return s.usage, err
}

func (c *Client) carryOut(ctx context.Context, s *sending) error {
	return s.named(c.try(ctx, s))
}

// open decodes the answer that was kept. One that turns out bad is asked for again,
// as it would have been when it came.
func (c *Client) open(ctx context.Context, s *sending) error {
	a := s.kept
	s.kept, s.keep = nil, false
	failure := s.read(a)
	if failure == nil {
		return nil
	}
	err, again := c.judge(ctx, s, outcome{mark: s.mark, sent: true, err: failure})
	if again {
		err = c.try(ctx, s)
	}
	return s.named(err)
}

// named returns the error of s with the name of its call.
func (s *sending) named(err *Error) error {
	if err == nil {
		return nil
	}
	if err.Op == "" {
		// The error may be shared with other callers (a login's): copy it.
		named := *err
		named.Op = s.call.Name
		err = &named
	}
	return err
}

// try sends s until judge says that it is over.
func (c *Client) try(ctx context.Context, s *sending) *Error {
	for {
		s.root = c.base.Load()
		out := c.attempt(ctx, s)
		s.mark = out.mark
		if !s.open && acceptedBy(out) {
			c.credentials.accepted(out.mark)
			c.distrust.accepted(s.call.Name, out.mark)
		}
		if out.err == nil {
			return nil
		}
		if err, again := c.judge(ctx, s, out); !again {
			return err
		}
	}
}

// judge says whether s is to be sent again after an attempt that failed, and has
// waited until then; else it returns the error that s ends with.
func (c *Client) judge(ctx context.Context, s *sending, out outcome) (failure *Error, again bool) {
	s.tries++
	isRefused := out.err.Kind == KindReauth && out.err.Status == http.StatusUnauthorized && out.sent && !s.open
	switch {
	case isRefused && s.renewed:
		c.distrust.again(s.call.Name)
	case isRefused && !c.distrust.inVain(s.call.Name, out.mark):
		s.renewed = true
		err := c.credentials.renew(ctx, out.mark)
		if err == nil {
			s.usage.retries++
			s.tries--
			return nil, true
		}
		out = outcome{unready: true, err: asError(err)}
	}
	if out.err.Kind == KindMoved && out.sent && !s.open && !s.followed {
		s.followed = true
		if c.followed(ctx, s.root) {
			s.usage.retries++
			s.tries--
			return nil, true
		}
	}
	if out.err.Kind == KindNotFound && out.err.Status == http.StatusNotFound && out.sent && !s.open && !s.followed {
		// A host that the account has left answers everything so.
		s.followed = true
		err := c.atHome(ctx)
		if c.base.Load() != s.root {
			s.usage.retries++
			s.tries--
			return nil, true
		}
		if err != nil && err.Kind == KindMoved {
			return err, false
		}
	}
	if out.unready || out.unbuilt {
		return verdict(s.call.Effect, out, s.usage.ambiguous), false
	}
	pause, again := retry(s.request, s.tries, out, c.config.Settings)
	if !again || s.once || !fits(ctx, pause) || !c.mayRetry(ctx, out.err) {
		return verdict(s.call.Effect, out, s.usage.ambiguous), false
	}
	s.usage.ambiguous = s.usage.ambiguous || ambiguous(s.call.Effect, out)
	s.usage.retries++
	c.config.Logger.DebugContext(ctx, "retry", "account", c.config.Account, "operation", s.call.Name, "try", s.tries, "pause", pause.String(), "error", out.err)
	// After a 429 the limiter itself makes everybody wait.
	if out.err.Kind != KindRateLimited {
		if err := sleep(ctx, pause); err != nil {
			return verdict(s.call.Effect, outcome{err: asError(err)}, s.usage.ambiguous), false
		}
	}
	return nil, true
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

// mayRetry takes a retry out of the budgets of the account and of the process.
// After a 429 it is the limiter that keeps requests to what upstream takes.
func (c *Client) mayRetry(ctx context.Context, failure *Error) bool {
	if failure.Kind == KindRateLimited {
		c.metrics.retried(ctx, "limited")
		return true
	}
	if !c.retries.spend() {
		c.metrics.retried(ctx, "budget")
		return false
	}
	if !c.config.Retries.spend() {
		c.retries.giveBack()
		c.metrics.retried(ctx, "budget")
		return false
	}
	c.metrics.retried(ctx, reasonOf(failure))
	return true
}

// reasonOf names a failure in metrics.
func reasonOf(failure *Error) string {
	switch {
	case failure.Kind == KindBadResponse:
		return "bad_response"
	case failure.Kind == KindDNS:
		return "dns"
	case failure.Status != 0:
		return "status"
	}
	return "no_answer"
}

// retry says whether r is to be tried again after out, and after which pause.
func retry(r request, tries int, out outcome, s settings.Settings) (pause time.Duration, again bool) {
	kind := out.err.Kind
	if kind == KindRateLimited {
		return out.err.RetryAfter, out.sent && tries < limitedTries
	}
	limit := readTries
	if out.sent {
		switch r.call.Effect {
		case driver.Read:
		case driver.Set:
			limit = setTries
			if r.reread && done(out.err) {
				return 0, false
			}
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
	return jitter(min(s.RetryBase<<(tries-1), s.RetryMax)), tries < limit
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

// done says that upstream answered a success that cannot be read: a write was
// carried out.
func done(err *Error) bool { return err.Status >= 200 && err.Status < 300 }

// refused says that upstream answered by a status that means it did nothing:
// a redirect or a client error, however odd its body.
func refused(err *Error) bool { return err.Status >= 300 && err.Status < 500 }

// lookAgain is the remedy of a create whose outcome stays unknown. That a record
// is not found proves nothing: upstream's lists lag behind its writes.
const lookAgain = "; look before you send it again"

// verdict is the final error of a request. Earlier says that an attempt before
// the last may have been carried out.
func verdict(effect driver.Effect, out outcome, earlier bool) *Error {
	err := out.err
	last := ambiguous(effect, out)
	before := earlier && effect == driver.Set && (out.unready || !out.sent || unanswered(err.Kind))
	if !last && !before {
		return err
	}
	final := *err
	final.Kind = KindOutcomeUnknown
	final.Message = "the write was sent and its outcome is not known: " + err.Message
	if last && done(err) {
		final.Kind = KindResponseLost
		final.Message = "upstream wrote, but its answer was lost: " + err.Message
	}
	if effect == driver.Create {
		final.Message += lookAgain
	}
	if err.Kind == KindDeadline || err.Kind == KindCancelled {
		return unlooked(&final)
	}
	return &final
}

// unanswered are the kinds of an attempt that tells nothing of the state
// upstream, so that an earlier ambiguous attempt stays ambiguous.
func unanswered(kind Kind) bool {
	switch kind {
	case KindUnavailable, KindBadResponse, KindDNS, KindTLS, KindDeadline, KindCancelled, KindQueueFull, KindRateLimited, KindReauth, KindBlocked, KindMoved, KindPaymentRequired:
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
