package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

// Bodies of refusals.
const (
	noRightsV2 = `{"response":{"error":"No rights","error_code":"244"}}`
	noRightsV4 = `{"title":"Forbidden","type":"https://httpstatus.es/403","status":403,"detail":"You do not have permission"}`
	unpaid     = `{"title":"Payment Required","status":402,"detail":"Account has been blocked"}`
)

// noRights has upstream refuse a user a right: nobody else is to suffer.
func noRights(ctx context.Context, code codes.Code, reason string) (string, error) {
	want := failure{code: code, reason: reason}
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		body := noRightsV2
		if api.generation == amo.V4 {
			body = noRightsV4
		}
		if err := s.script(emulator.Rule{
			Match:  emulator.Match{Operation: api.create},
			Action: emulator.Action{Status: http.StatusForbidden, Body: body},
		}); err != nil {
			return "", err
		}
		const calls = 5
		before := s.requests(api.create)
		for range calls {
			_, err := s.customers.CreateCustomer(ctx, newCustomers(1)[0])
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", err
			}
			if _, err := s.firstPage(ctx); err != nil {
				return "", fmt.Errorf("a read in between: %w", err)
			}
		}
		if err := s.wantREST(ctx, http.MethodPost, "/v1/customers", `{"name":"Rose","next_purchase_time":"2035-01-01T00:00:00Z"}`, http.StatusForbidden, want); err != nil {
			return "", err
		}
		if took := s.requests(api.create) - before; took != calls+1 {
			return "", fmt.Errorf("%d requests for %d calls", took, calls+1)
		}
		return fmt.Sprintf("%d calls, a request each, reads go on", calls+1), nil
	})
}

// banned has upstream ban the account while callers of all replicas go on and one
// more replica starts. A request may try at every probe; at that after the end of
// the ban everything has to go on.
func banned(ctx context.Context, probe time.Duration) (string, error) {
	log := &arrivals{}
	return onBothInBubble(ctx, paced(log), func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		if err := s.warm(ctx); err != nil {
			return "", err
		}
		if err := s.script(ban()...); err != nil {
			return "", err
		}
		log.reset()
		callers := s.underLoad(ctx, 2)
		defer callers.end()
		time.Sleep(2 * time.Second)
		first := log.of(http.StatusForbidden)
		if len(first) == 0 {
			return "", errors.New("upstream was not asked")
		}
		closed := first[0].answered
		// What had left before the ban was read may still meet it.
		if late := log.between(closed, time.Now()); len(late) > 0 {
			return "", fmt.Errorf("%d requests left after the ban was read", len(late))
		}
		if err := s.refusedAtOnce(ctx, "ACCOUNT_BLOCKED", closed.Add(probe)); err != nil {
			return "", err
		}
		fresh, err := s.startReplica(ctx, s.config, "late")
		if err != nil {
			return "", err
		}
		s.replicas = append(s.replicas, fresh)
		more := (&bubbleStack{replicas: []*replica{fresh}}).underLoad(ctx, 1)
		defer more.end()
		time.Sleep(time.Until(closed.Add(2*probe + probe/2)))
		tries := log.between(closed, time.Now())
		if len(tries) != 2 {
			return "", fmt.Errorf("%d requests in %s of a ban, want one each %s", len(tries), 2*probe+probe/2, probe)
		}
		for i, try := range tries {
			if after := try.at.Sub(closed); after < time.Duration(i+1)*probe || after > time.Duration(i+1)*(probe+2*refusedPause) {
				return "", fmt.Errorf("try %d came after %s", i+1, after)
			}
		}
		s.emulator.ClearFaults()
		time.Sleep(time.Until(tries[1].at.Add(probe + 2*refusedPause)))
		for i, r := range s.replicas {
			if _, err := r.page(ctx); err != nil {
				return "", fmt.Errorf("replica %d after the ban: %w", i, err)
			}
		}
		if err := only(callers.end(), "FailedPrecondition/ACCOUNT_BLOCKED", answeredOK); err != nil {
			return "", err
		}
		if err := only(more.end(), "FailedPrecondition/ACCOUNT_BLOCKED", answeredOK); err != nil {
			return "", fmt.Errorf("the replica that started in the ban: %w", err)
		}
		return fmt.Sprintf("%d on their way, then 2 requests in %s", len(first), 2*probe+probe/2), nil
	})
}

// ban is a page of the web server to everything.
func ban() []emulator.Rule {
	page := emulator.Action{Status: http.StatusForbidden, HTML: true}
	return []emulator.Rule{
		{Match: emulator.Match{Method: http.MethodGet}, Action: page},
		{Match: emulator.Match{Method: http.MethodPost}, Action: page},
	}
}

// refusedAtOnce returns an error unless every replica refuses a read without
// asking upstream, and tells how long.
func (s *bubbleStack) refusedAtOnce(ctx context.Context, reason string, until time.Time) error {
	before := s.emulator.Stats().Requests
	for i, r := range s.replicas {
		begun := time.Now()
		_, err := r.page(ctx)
		if err := failureOf(err).want(codes.FailedPrecondition, reason); err != nil {
			return fmt.Errorf("replica %d: %w", i, err)
		}
		if took := time.Since(begun); took > 5*time.Millisecond {
			return fmt.Errorf("replica %d: refused after %s", i, took)
		}
		if wait, left := retryIn(err), time.Until(until); wait < left*8/10 || wait > left*12/10 {
			return fmt.Errorf("replica %d: told to wait %s of %s", i, wait, left)
		}
	}
	if err := s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusFailedDependency, failure{code: codes.FailedPrecondition, reason: reason}); err != nil {
		return err
	}
	if n := s.emulator.Stats().Requests - before; n != 0 {
		return fmt.Errorf("%d requests left", n)
	}
	return nil
}

// bannedAfterLimits has upstream refuse with 403 in JSON right after 429s: that
// is a ban, too.
func bannedAfterLimits(ctx context.Context) (string, error) {
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		if err := s.script(
			emulator.Rule{Match: emulator.Match{Operation: api.list, To: 2}, Action: emulator.Action{Status: http.StatusTooManyRequests, HTML: true}},
			emulator.Rule{Match: emulator.Match{Operation: api.list}, Action: emulator.Action{Status: http.StatusForbidden, Body: noRightsV4}},
		); err != nil {
			return "", err
		}
		_, err := s.firstPage(ctx)
		if err := failureOf(err).want(codes.FailedPrecondition, "ACCOUNT_BLOCKED"); err != nil {
			return "", fmt.Errorf("403 after 429s: %w", err)
		}
		return "403 after 429s is a ban", nil
	})
}

// bannedAddress has upstream ban two accounts, apart from one another, and
// returns an error unless the third one is asked nothing any more, or not, as
// blocked says.
func bannedAddress(ctx context.Context, apart, probe time.Duration, blocked bool) (string, error) {
	config := bubbleConfig{replicas: 2, others: []string{"second", "third"}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		second, third := onAccount(ctx, "second"), onAccount(ctx, "third")
		for _, account := range []context.Context{ctx, second, third} {
			if _, err := s.replicas[1].page(account); err != nil {
				return "", err
			}
		}
		for _, name := range []string{mainAccount, "second"} {
			if err := s.emulators[name].Script(ban()...); err != nil {
				return "", err
			}
		}
		_, err := s.replicas[0].page(ctx)
		if err := failureOf(err).want(codes.FailedPrecondition, "ACCOUNT_BLOCKED"); err != nil {
			return "", fmt.Errorf("the first account: %w", err)
		}
		time.Sleep(apart)
		if _, err = s.replicas[0].page(third); err != nil {
			return "", fmt.Errorf("the third account after one ban: %w", err)
		}
		_, err = s.replicas[0].page(second)
		if f := failureOf(err); f.want(codes.FailedPrecondition, "ACCOUNT_BLOCKED") != nil && f.want(codes.FailedPrecondition, "EGRESS_BLOCKED") != nil {
			return "", fmt.Errorf("the second account: %w", err)
		}
		asked := s.emulators["third"].Stats().Requests
		refused := 0
		for range int(probe/time.Minute) - 1 {
			for i, r := range s.replicas {
				_, err := r.page(third)
				if !blocked {
					if err != nil {
						return "", fmt.Errorf("replica %d, the third account: %w", i, err)
					}
					continue
				}
				if err := failureOf(err).want(codes.FailedPrecondition, "EGRESS_BLOCKED"); err != nil {
					return "", fmt.Errorf("replica %d, the third account: %w", i, err)
				}
				refused++
			}
			time.Sleep(time.Minute)
		}
		if !blocked {
			return "the third account goes on", nil
		}
		if n := s.emulators["third"].Stats().Requests - asked; n != 0 {
			return "", fmt.Errorf("the third account was asked %d times", n)
		}
		time.Sleep(2 * time.Minute)
		for i, r := range s.replicas {
			if _, err := r.page(third); err != nil {
				return "", fmt.Errorf("replica %d after the probe: %w", i, err)
			}
		}
		return fmt.Sprintf("%d calls refused, 0 requests, open again after the probe", refused), nil
	})
}

// unpaidFor has upstream refuse writes with 402, and reads go on, or reads. One
// request tries again at every probe.
func unpaidFor(ctx context.Context, probe time.Duration) (string, error) {
	want := failure{code: codes.FailedPrecondition, reason: "ACCOUNT_PAYMENT_REQUIRED"}
	return onBothInBubble(ctx, bubbleConfig{replicas: replicaCount}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if err := s.warm(ctx); err != nil {
			return "", err
		}
		read := func(r *replica) error { _, err := r.page(ctx); return err }
		names := 0
		write := func(r *replica) error {
			names++
			_, err := r.customers.CreateCustomer(ctx, namedCustomer("Unpaid "+strconv.Itoa(names)))
			return err
		}
		for _, c := range []struct {
			name, operation string
			closed, open    func(*replica) error
		}{
			{"writes", api.create, write, read},
			{"reads", api.list, read, nil}, // writes need to know the account
		} {
			if err := s.script(emulator.Rule{
				Match:  emulator.Match{Operation: c.operation},
				Action: emulator.Action{Status: http.StatusPaymentRequired, Body: unpaid},
			}); err != nil {
				return "", err
			}
			before := s.requests(c.operation)
			begun := time.Now()
			for time.Since(begun) < 2*probe+probe/2 {
				for i, r := range s.replicas {
					if err := failureOf(c.closed(r)).want(want.code, want.reason); err != nil {
						return "", fmt.Errorf("%s, replica %d: %w", c.name, i, err)
					}
					if c.open == nil {
						continue
					}
					if err := c.open(r); err != nil {
						return "", fmt.Errorf("%s are closed, replica %d, the other: %w", c.name, i, err)
					}
				}
				time.Sleep(time.Minute)
			}
			if tries := s.requests(c.operation) - before; tries != 3 {
				return "", fmt.Errorf("%s: %d requests in %s, want the first and one each %s", c.name, tries, 2*probe+probe/2, probe)
			}
			s.emulator.ClearFaults()
			time.Sleep(probe)
			for i, r := range s.replicas {
				if err := c.closed(r); err != nil {
					return "", fmt.Errorf("%s, replica %d, paid: %w", c.name, i, err)
				}
			}
		}
		return fmt.Sprintf("3 requests in %s for each", 2*probe+probe/2), nil
	})
}
