package custody

import (
	"math/rand/v2"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// pause returns how long nobody calls the token endpoint after the nth failed call
// in a row. It doubles from TokenRetryBase to TokenRetryMax, and holds that no
// TokenWindow sees more than TokenCalls calls: the pause after that many of them is
// what is left of the window, and later ones are no shorter than their share of it.
func pause(s settings.Settings, n int) time.Duration {
	d := backoff(s, n)
	switch {
	case n == s.TokenCalls:
		left := s.TokenWindow
		for i := 1; i < n; i++ {
			left -= backoff(s, i)
		}
		d = max(d, left)
	case n > s.TokenCalls:
		d = max(d, s.TokenWindow/time.Duration(s.TokenCalls))
	}
	// Only upwards: the bound holds.
	return d + rand.N(d/10+1) //nolint:gosec // spreads retries, guards nothing
}

func backoff(s settings.Settings, n int) time.Duration {
	d := s.TokenRetryBase
	for i := 1; i < n && d < s.TokenRetryMax; i++ {
		d *= 2
	}
	return min(d, s.TokenRetryMax)
}
