package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
)

// orchard is an account that nobody has blocked.
const orchard = "orchard"

// tokenBlocked has the token endpoint answer 403 with a page of the web server,
// of one account and then of two. It returns an error unless nothing is sent for
// so long, and the tokens stay as they are.
func tokenBlocked(ctx context.Context, quiet time.Duration) (string, error) {
	account := failure{code: codes.FailedPrecondition, reason: "ACCOUNT_BLOCKED"}
	egress := failure{code: codes.FailedPrecondition, reason: "EGRESS_BLOCKED"}
	return inTurn(ctx,
		func(ctx context.Context) (string, error) {
			return tokenBlockedOf(ctx, quiet, []string{shop}, map[string]failure{shop: account})
		},
		func(ctx context.Context) (string, error) {
			return tokenBlockedOf(ctx, quiet, []string{shop, garden}, map[string]failure{orchard: egress})
		})
}

func tokenBlockedOf(ctx context.Context, quiet time.Duration, blocked []string, wants map[string]failure) (string, error) {
	config := installationConfig{members: 2, accounts: []string{shop, garden, orchard}}
	return inInstallation(ctx, config, func(ctx context.Context, i *installation) (string, error) {
		for _, name := range blocked {
			e := i.emulators[name]
			if err := e.Script(emulator.Rule{Match: emulator.Match{Kind: emulator.KindToken}, Action: emulator.Action{Status: http.StatusForbidden, HTML: true}}); err != nil {
				return "", err
			}
			e.ExpireAccess()
			if err := i.members[0].call(ctx, name); err == nil {
				return "", fmt.Errorf("%s is OK while it is blocked", name)
			}
			if err := i.wantOK(ctx, name, 1); err != nil {
				return "", err
			}
		}
		before := i.sent()
		for name, want := range wants {
			if err := i.everyMember(ctx, name, quiet/3, time.Minute, fails(want)); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
		}
		if n := i.sent() - before; n > 0 {
			return "", fmt.Errorf("%d requests within %s of the block", n, quiet)
		}
		// One call of the token endpoint finds out that the block lasts, whoever
		// calls.
		time.Sleep(quiet)
		before = i.tokenCalls()
		for range 3 {
			for _, m := range i.members {
				if err := m.call(ctx, shop); err == nil {
					return "", fmt.Errorf("%s is OK while it is blocked", shop)
				}
			}
		}
		probes := i.tokenCalls() - before
		if probes > 1 {
			return "", fmt.Errorf("%d token calls find out whether the block lasts, want one", probes)
		}
		for _, name := range blocked {
			i.emulators[name].ClearFaults()
		}
		time.Sleep(4 * quiet)
		for _, name := range config.accounts {
			if err := i.recovered(ctx, name, quiet); err != nil {
				return "", fmt.Errorf("%s after the block: %w", name, err)
			}
		}
		for _, name := range blocked {
			if err := i.wantOK(ctx, name, 2); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%d blocked: 0 requests in %s, then %d token call; tokens untouched, OK after the block", len(blocked), quiet, probes), nil
	})
}

// sent is how many requests upstream has got.
func (i *installation) sent() (all int64) {
	for _, e := range i.emulators {
		all += e.Stats().Requests
	}
	return all
}

// tokenCalls is how many requests the token endpoints have got, those included
// that failed.
func (i *installation) tokenCalls() (all int64) {
	for _, e := range i.emulators {
		all += e.Stats().ByOperation[emulator.OpOAuthToken]
	}
	return all
}

// recovered calls an account until it is OK for all members, within a time.
func (i *installation) recovered(ctx context.Context, name string, within time.Duration) error {
	for begun := time.Now(); ; time.Sleep(time.Minute) {
		err := i.everyMember(ctx, name, time.Second, time.Second, isOK)
		if err == nil || time.Since(begun) > within {
			return err
		}
	}
}
