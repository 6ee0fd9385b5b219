package custody

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/settings"
)

func TestPause_boundsTheCallsOfAnyWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings.Default()
		s.TokenRetryBase = time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Minute)).Draw(t, "base"))
		s.TokenRetryMax = s.TokenRetryBase * time.Duration(rapid.IntRange(1, 1000).Draw(t, "max"))
		s.TokenCalls = rapid.IntRange(1, 30).Draw(t, "calls")
		var at []time.Duration
		now := time.Duration(0)
		for n := 1; n <= 200; n++ {
			at = append(at, now)
			d := pause(s, n)
			if n < s.TokenCalls && d > s.TokenRetryMax*11/10+1 {
				t.Fatalf("pause %d is %v", n, d)
			}
			now += d
			if i := len(at) - 1 - s.TokenCalls; i >= 0 && at[len(at)-1]-at[i] < s.TokenWindow-time.Duration(s.TokenCalls) {
				t.Fatalf("call %d is only %v after the %d before", n, at[len(at)-1]-at[i], s.TokenCalls)
			}
		}
	})
}
