package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

// tokenPath is that of the token endpoint.
const tokenPath = "/oauth2/access_token" //nolint:gosec // a path, not a token

// tokenCalls is a transport that notes when the token endpoint is called.
type tokenCalls struct {
	next http.RoundTripper

	mu sync.Mutex
	at []time.Time
}

// RoundTrip implements http.RoundTripper.
func (c *tokenCalls) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == tokenPath {
		c.mu.Lock()
		c.at = append(c.at, time.Now())
		c.mu.Unlock()
	}
	return c.next.RoundTrip(r)
}

// since returns the calls from a time on.
func (c *tokenCalls) since(begun time.Time) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, _ := slices.BinarySearchFunc(c.at, begun, time.Time.Compare)
	return slices.Clone(c.at[first:])
}

// fullest returns the most times within any span.
func fullest(times []time.Time, span time.Duration) int {
	most, first := 0, 0
	for last := range times {
		for times[last].Sub(times[first]) >= span {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// tokenFaults are ways of a token endpoint not to answer; none of the calls is
// carried out.
var tokenFaults = []struct {
	name   string
	action emulator.Action
}{
	{"429", emulator.Action{Status: http.StatusTooManyRequests}},
	{"500", emulator.Action{Status: http.StatusInternalServerError, HTML: true}},
	{"503", emulator.Action{Status: http.StatusServiceUnavailable, HTML: true}},
	{"no answer", emulator.Action{Delay: 20 * time.Second, Drop: true}},
}

// tokenOutage has the token endpoint fail for hours from when it is time to
// refresh on, while two members use the account. It returns an error when it is
// called more often than so many times in any hour.
func tokenOutage(ctx context.Context, calls int) (string, error) {
	var measured []string
	for _, fault := range unlessWatched(tokenFaults, tokenFaults[2:]) {
		text, err := tokenOutageBy(ctx, fault.action, calls)
		if err != nil {
			return "", fmt.Errorf("%s: %w", fault.name, err)
		}
		measured = append(measured, fault.name+": "+text)
	}
	return strings.Join(measured, "; "), nil
}

func tokenOutageBy(ctx context.Context, action emulator.Action, calls int) (string, error) {
	const life, outage = 8 * time.Hour, 7 * time.Hour
	seen := &tokenCalls{}
	config := installationConfig{
		members:  2,
		emulated: func(c *emulator.Config) { c.OAuth.AccessLife = life },
		transport: func(next http.RoundTripper) http.RoundTripper {
			seen.next = next
			return seen
		},
	}
	return inInstallation(ctx, config, func(ctx context.Context, i *installation) (string, error) {
		begun := time.Now()
		if err := i.emulator.Script(emulator.Rule{Match: emulator.Match{Kind: emulator.KindToken}, Action: action}); err != nil {
			return "", err
		}
		if err := i.everyMember(ctx, shop, outage, callEvery, isOK); err != nil {
			return "", err
		}
		during := seen.since(begun)
		if len(during) < calls {
			return "", fmt.Errorf("%d token calls in an outage of %s: they are not tried again", len(during), outage-life/2)
		}
		if n := fullest(during, time.Hour); n > calls {
			return "", fmt.Errorf("%d token calls within an hour, want at most %d", n, calls)
		}
		if first := during[1].Sub(during[0]); first < 5*time.Second {
			return "", fmt.Errorf("the second token call came %s after the first, want 5s", first)
		}
		i.emulator.ClearFaults()
		if err := i.everyMember(ctx, shop, life, callEvery, isOK); err != nil {
			return "", fmt.Errorf("after the outage: %w", err)
		}
		r, err := i.credentials(ctx, shop)
		if err != nil {
			return "", err
		}
		if r.State != custody.StateOK || r.Generation < 2 {
			return "", fmt.Errorf("after the outage the credentials are generation %d and %s", r.Generation, r.State)
		}
		return fmt.Sprintf("%d calls, %d in the fullest hour", len(during), fullest(during, time.Hour)), nil
	})
}
