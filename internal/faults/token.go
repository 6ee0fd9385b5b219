package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

// tokenLife is how long access tokens live at upstream.
const tokenLife = 24 * time.Hour

// callEvery is how often members call an account for hours.
var callEvery = unlessWatched(5*time.Minute, 20*time.Minute)

// expiring lets two members use an account over the end of its access token,
// with a token endpoint that takes its time. No call may last longer than
// slowest.
func expiring(ctx context.Context, slowest time.Duration) (string, error) {
	const delay = 10 * time.Second
	return inInstallation(ctx, installationConfig{members: 2}, func(ctx context.Context, i *installation) (string, error) {
		if err := i.emulator.Script(emulator.Rule{Match: emulator.Match{Kind: emulator.KindToken}, Action: emulator.Action{Delay: delay}}); err != nil {
			return "", err
		}
		var refreshed, longest time.Duration
		calls := 0
		err := i.everyMember(ctx, shop, tokenLife+time.Hour, unlessWatched(3*time.Minute, callEvery), func(since, took time.Duration, err error) error {
			calls++
			longest = max(longest, took)
			if refreshed == 0 && refreshes(i.emulator) > 0 {
				refreshed = since
			}
			return err
		})
		if err != nil {
			return "", err
		}
		if longest > slowest {
			return "", fmt.Errorf("a call took %s, want at most %s", longest, slowest)
		}
		stats := i.emulator.Stats().Tokens
		if stats.PresentedTwice > 0 || stats.Revoked > 0 {
			return "", fmt.Errorf("%d refresh tokens were sent twice, %d were refused", stats.PresentedTwice, stats.Revoked)
		}
		if err := i.wantOK(ctx, shop, 1+stats.Refreshes); err != nil {
			return "", err
		}
		return fmt.Sprintf("refreshed with %s left; %d calls, the slowest took %s", (tokenLife - refreshed).Round(time.Minute), calls, round(longest)), nil
	})
}

// reauthRequired and the others are what callers are told when an account needs
// a person.
var (
	reauthRequired = failure{code: codes.FailedPrecondition, reason: "ACCOUNT_REAUTH_REQUIRED"}
	tokenLost      = failure{code: codes.FailedPrecondition, reason: "TOKEN_LOST"}
	misconfigured  = failure{code: codes.FailedPrecondition, reason: "INTEGRATION_MISCONFIGURED"}
	undecryptable  = failure{code: codes.FailedPrecondition, reason: "CREDENTIAL_UNDECRYPTABLE"}
)

// revoked has upstream revoke the refresh token while two members use the
// account, and returns an error unless callers are told so when the access token
// ends, the token endpoint is called at most so often in 24 hours, and a consent
// mends it.
func revoked(ctx context.Context, calls int64) (string, error) {
	return inInstallation(ctx, installationConfig{members: 2}, func(ctx context.Context, i *installation) (string, error) {
		i.emulator.RevokeRefresh()
		left, err := i.untilEnd(ctx, custody.StateRevoked, reauthRequired)
		if err != nil {
			return "", err
		}
		if err := i.everyMember(ctx, shop, tokenLife-left, callEvery, fails(reauthRequired)); err != nil {
			return "", err
		}
		if n := refreshes(i.emulator); n > calls {
			return "", fmt.Errorf("%d token calls in %s, want at most %d", n, tokenLife, calls)
		}
		n := refreshes(i.emulator)
		if err := i.consent(ctx, shop, true); err != nil {
			return "", err
		}
		time.Sleep(calm().AccountScan + time.Second) // the other member looks for changes
		if err := i.everyMember(ctx, shop, time.Minute, time.Second, isOK); err != nil {
			return "", fmt.Errorf("after a new consent: %w", err)
		}
		return fmt.Sprintf("known with %s of the access token left, %d token call in the %s after it; OK after a new consent", left.Round(time.Minute), n, tokenLife), nil
	})
}

// untilEnd calls an account, whose refresh cannot work, until its access token
// ends: each call is OK, and then fails. It returns how much was left of the
// access token when the state was known.
func (i *installation) untilEnd(ctx context.Context, state custody.State, want failure) (left time.Duration, err error) {
	begun := time.Now()
	r, err := i.credentials(ctx, shop)
	if err != nil {
		return 0, err
	}
	end := begun.Add(r.ExpiresAt.Sub(r.Now))
	err = i.everyMember(ctx, shop, end.Sub(begun)+callEvery, callEvery, func(since, _ time.Duration, err error) error {
		if begun.Add(since).After(end) {
			return failureOf(err).want(want.code, want.reason)
		}
		if r, readErr := i.credentials(ctx, shop); left == 0 && r.State != custody.StateOK {
			left = r.ExpiresAt.Sub(r.Now)
			if r.State != state {
				return fmt.Errorf("the state is %s (%s), want %s", r.State, r.Reason, state)
			}
		} else if readErr != nil {
			return readErr
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	if left < tokenLife/4 {
		return 0, fmt.Errorf("it was known with %s of the access token left, want %s", left, tokenLife/4)
	}
	return left, nil
}

// answerLost has the answer to a refresh be lost on its way.
func answerLost(ctx context.Context, calls int64) (string, error) {
	return inInstallation(ctx, installationConfig{members: 2}, func(ctx context.Context, i *installation) (string, error) {
		if err := i.emulator.Script(emulator.Rule{
			Match:  emulator.Match{Kind: emulator.KindToken, Nth: 1},
			Action: emulator.Action{Drop: true, Apply: true},
		}); err != nil {
			return "", err
		}
		left, err := i.untilEnd(ctx, custody.StateLost, tokenLost)
		if err != nil {
			return "", err
		}
		if err := i.everyMember(ctx, shop, time.Hour, callEvery, fails(tokenLost)); err != nil {
			return "", err
		}
		if n := refreshes(i.emulator); n > calls {
			return "", fmt.Errorf("%d token calls, want at most %d", n, calls)
		}
		return fmt.Sprintf("an answer lost on its way: known with %s of the access token left, %d token calls", left.Round(time.Minute), refreshes(i.emulator)), nil
	})
}

// wrongSecret has the integration get another secret, which the members do not
// know, and returns an error unless each account stops after at most so many
// token calls and goes on when the members are given the secret.
func wrongSecret(ctx context.Context, calls int64) (string, error) {
	return inInstallation(ctx, installationConfig{accounts: []string{shop, garden}}, func(ctx context.Context, i *installation) (string, error) {
		if err := i.leave(ctx); err != nil {
			return "", err
		}
		wrong := integration
		wrong.ClientSecret = "another"
		for range 2 {
			if _, err := i.join(ctx, wrong, nil); err != nil {
				return "", err
			}
		}
		left, err := i.untilEnd(ctx, custody.StateMisconfigured, misconfigured)
		if err != nil {
			return "", err
		}
		for _, name := range []string{shop, garden} {
			if err := i.everyMember(ctx, name, 2*time.Hour, callEvery, fails(misconfigured)); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			if n := refreshes(i.emulators[name]); n > calls {
				return "", fmt.Errorf("%s: %d token calls, want at most %d", name, n, calls)
			}
		}
		refused := refreshes(i.emulator)
		if err := i.leave(ctx); err != nil {
			return "", err
		}
		m, err := i.join(ctx, integration, nil)
		if err != nil {
			return "", err
		}
		for _, name := range []string{shop, garden} {
			if err := m.call(ctx, name); err != nil {
				return "", fmt.Errorf("%s, with the right secret: %w", name, err)
			}
		}
		return fmt.Sprintf("known with %s of the access token left, %d token call an account; OK with the right secret", left.Round(time.Minute), refused), nil
	})
}
