package custody

import (
	"time"

	"github.com/amogate/amogate/amo/internal/oauth"
)

// day is a day of the warnings before a long-lived token ends.
const day = 24 * time.Hour

// warnings are the days before the end of a long-lived token at which the log
// warns of it, the last first: long enough for a person to be found.
var warnings = []int{1, 7, 30}

// TokenEnd returns when an access token ends, as it says itself; it is not
// verified, since upstream publishes no key. It says false when the token does not
// tell.
func TokenEnd(token string) (time.Time, bool) {
	claims, err := oauth.DecodeClaims(token)
	if err != nil || claims.ExpiresAt.IsZero() {
		return time.Time{}, false
	}
	return claims.ExpiresAt, true
}

// expiry returns when the access token ends.
func (k *Keeper) expiry() (time.Time, bool) {
	h := k.look()
	switch {
	case h == nil:
		return time.Time{}, false
	case !h.expires.IsZero():
		return h.expires, true
	case h.record.Kind == KindToken:
		return TokenEnd(h.secret.Access)
	}
	return time.Time{}, false
}

// warnOfEnd warns of the end of a token that nothing renews, once at each of the
// warnings.
func (k *Keeper) warnOfEnd(h *held) {
	end, ok := k.expiry()
	if !ok || h.record.Kind != KindToken {
		return
	}
	left := time.Until(end)
	for _, days := range warnings {
		if left > time.Duration(days)*day {
			continue
		}
		k.mu.Lock()
		told := k.warned != 0 && k.warned <= days
		k.warned = days
		k.mu.Unlock()
		if !told {
			k.config.Logger.Warn("the account's long-lived token ends soon; make another one and give it to the account", "account", k.config.Account, "ends", end.UTC().Format(time.RFC3339), "days_left", int(left/day))
		}
		return
	}
}
