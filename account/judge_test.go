package account

import (
	"strings"
	"testing"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
)

func TestJudgeRate(t *testing.T) {
	for name, test := range map[string]struct {
		status limit.Status
		want   Result
		find   string
	}{
		"fine":       {limit.Status{Configured: 6, Rate: 6, Shared: true}, ResultOK, "6 requests a second"},
		"held":       {limit.Status{Configured: 6, Rate: 3, Hold: 3 * time.Second, Shared: true}, ResultWarning, "another 3s"},
		"cut":        {limit.Status{Configured: 6, Rate: 3, Shared: true}, ResultWarning, "3 requests a second instead of 6"},
		"not shared": {limit.Status{Configured: 6, Rate: 6}, ResultWarning, "the store does not answer"},
		"banned": {
			limit.Status{Configured: 6, Rate: 6, Shared: true, Breakers: []limit.Breaker{{Name: "ban", ProbeIn: time.Minute}}},
			ResultFailed, "ban since",
		},
	} {
		got := judgeRate(test.status)
		if got.Name != "rate" || got.Result != test.want || !strings.Contains(got.Finding, test.find) || (got.Remedy == "") != (test.want == ResultOK) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestJudgeTokens(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ok := func(kind custody.Kind, left time.Duration) Account {
		a := Account{Record: Record{Name: "shop"}, Credentials: Credentials{Kind: kind, State: custody.StateOK, Generation: 7, RefreshAt: now.Add(left / 2)}}
		if left != 0 {
			a.Credentials.ExpiresAt = now.Add(left)
		}
		return a
	}
	bad := func(state custody.State) Account {
		a := ok(custody.KindOAuth, time.Hour)
		a.Credentials.State, a.Credentials.Reason = state, "the reason"
		return a
	}
	undecryptable := ok(custody.KindOAuth, time.Hour)
	undecryptable.Credentials.Undecryptable, undecryptable.Credentials.Reason = true, "the reason"
	for name, test := range map[string]struct {
		account Account
		pending int
		want    Result
		find    string
		remedy  string
	}{
		"of the flags":       {Account{FromFlags: true}, 0, ResultOK, "flags", ""},
		"a pair":             {ok(custody.KindOAuth, 20*time.Hour), 0, ResultOK, "generation 7, 20h0m0s left, renewed at 2026-03-01 22:00:00", ""},
		"a pair, not stored": {ok(custody.KindOAuth, 20*time.Hour), 1, ResultWarning, "journal", "store"},
		"a pair, expired":    {ok(custody.KindOAuth, -time.Hour), 0, ResultOK, "the next call renews it", ""},
		"a token":            {ok(custody.KindToken, 60*24*time.Hour), 0, ResultOK, "ends on 2026-04-30", ""},
		"a token, near":      {ok(custody.KindToken, 29*24*time.Hour), 0, ResultWarning, "ends on 2026-03-30", "account add shop --replace"},
		"a token, expired":   {ok(custody.KindToken, -time.Hour), 0, ResultFailed, "has expired", "account add shop --replace"},
		"a token, unknown":   {ok(custody.KindToken, 0), 0, ResultOK, "nobody knows", ""},
		"a login":            {ok(custody.KindSession, 0), 0, ResultOK, "does not expire", ""},
		"revoked":            {bad(custody.StateRevoked), 0, ResultFailed, "the reason", "account add shop --replace"},
		"lost":               {bad(custody.StateLost), 0, ResultFailed, "the reason", "account add shop --replace"},
		"misconfigured":      {bad(custody.StateMisconfigured), 0, ResultFailed, "the reason", "--oauth-client-secret-file"},
		"undecryptable":      {undecryptable, 0, ResultFailed, "the reason", "key ring"},
	} {
		got := judgeTokens(test.account, test.pending, now)
		if got.Result != test.want || !strings.Contains(got.Finding, test.find) || !strings.Contains(got.Remedy, test.remedy) || (test.remedy == "") != (got.Remedy == "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
