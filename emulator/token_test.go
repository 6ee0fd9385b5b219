package emulator

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		code := e.IssueCode()
		time.Sleep(20*time.Minute - time.Nanosecond)
		p := pairOf(t, trade(t, e, exchangeForm(grantCode, code)))
		late := e.IssueCode()
		time.Sleep(20 * time.Minute)
		if a := trade(t, e, exchangeForm(grantCode, late)); a.status != 400 || hintOf(a) != hintCodeExpired {
			t.Errorf("a code after 20 minutes: %d %s", a.status, a.body)
		}
		time.Sleep(24*time.Hour - 20*time.Minute - time.Nanosecond)
		if got := visit(t, e, accountV4, p.AccessToken); got != http.StatusOK {
			t.Errorf("just before the end of an access token: status %d", got)
		}
		time.Sleep(time.Nanosecond)
		for _, path := range []string{accountV2, accountV4} {
			if got := visit(t, e, path, p.AccessToken); got != http.StatusUnauthorized {
				t.Errorf("%s after a day: status %d", path, got)
			}
		}
		if got := e.Stats().DeadTokens; got != 2 {
			t.Errorf("%d calls with a dead token", got)
		}
		time.Sleep(89*24*time.Hour - time.Nanosecond)
		p = pairOf(t, refresh(t, e, p.RefreshToken))
		time.Sleep(90 * 24 * time.Hour)
		if a := refresh(t, e, p.RefreshToken); a.status != 401 || hintOf(a) != hintRevoked {
			t.Errorf("a refresh token after 90 days: %d %s", a.status, a.body)
		}
	})
}

// TestGrace holds both texts about what becomes of a refresh token: dead once exchanged, or alive until its successor
// is used.
func TestGrace(t *testing.T) {
	for _, grace := range []bool{false, true} {
		for _, use := range []string{"access", "refresh"} {
			e := open(t, Config{OAuth: OAuth{Grace: grace}})
			first := issuePair(t, e)
			lost := pairOf(t, refresh(t, e, first.RefreshToken))
			again := refresh(t, e, first.RefreshToken)
			if !grace {
				if again.status != 401 || hintOf(again) != hintRevoked {
					t.Errorf("strict: a second exchange: %d %s", again.status, again.body)
				}
				continue
			}
			second := pairOf(t, again)
			if got := visit(t, e, accountV4, lost.AccessToken); got != http.StatusUnauthorized {
				t.Errorf("the pair of the exchange before: status %d", got)
			}
			if !e.Exchangeable(first.RefreshToken) || e.LivePairs() != 2 {
				t.Errorf("the old token is dead before the new pair is used: %d live", e.LivePairs())
			}
			if use == "access" {
				visit(t, e, accountV4, second.AccessToken)
			} else {
				pairOf(t, refresh(t, e, second.RefreshToken))
			}
			if a := refresh(t, e, first.RefreshToken); a.status != 401 || hintOf(a) != hintRevoked {
				t.Errorf("after a use of the new %s token: %d %s", use, a.status, a.body)
			}
		}
	}
}

func TestEndedTokens(t *testing.T) {
	for name, test := range map[string]struct {
		end              func(*Emulator)
		access, exchange bool // alive afterwards
	}{
		"expire":       {(*Emulator).ExpireAccess, false, true},
		"revoke":       {(*Emulator).RevokeRefresh, true, false},
		"disconnect":   {(*Emulator).Disconnect, false, false},
		"a new secret": {func(e *Emulator) { e.ReplaceClientSecret("other") }, false, false},
		"nothing":      {func(*Emulator) {}, true, true},
	} {
		e := open(t, Config{})
		p := issuePair(t, e)
		test.end(e)
		if got := visit(t, e, accountV4, p.AccessToken) == http.StatusOK; got != test.access {
			t.Errorf("%s: access token alive: %v", name, got)
		}
		if got := e.Exchangeable(p.RefreshToken); got != test.exchange {
			t.Errorf("%s: refresh token alive: %v", name, got)
		}
		if got := visit(t, e, accountV4, DefaultToken); got != http.StatusOK {
			t.Errorf("%s: the configured token: status %d", name, got)
		}
	}
	e := open(t, Config{OAuth: OAuth{RefreshEndsAccess: true}})
	p := issuePair(t, e)
	next := pairOf(t, refresh(t, e, p.RefreshToken))
	if old, fresh := visit(t, e, accountV4, p.AccessToken), visit(t, e, accountV4, next.AccessToken); old != 401 || fresh != 200 {
		t.Errorf("a refresh that ends the access token: old %d, new %d", old, fresh)
	}
}

func TestReplaceClientSecret(t *testing.T) {
	e := open(t, Config{})
	e.ReplaceClientSecret("other")
	form := exchangeForm(grantCode, e.IssueCode())
	if a := trade(t, e, form); a.status != http.StatusUnauthorized {
		t.Errorf("the old secret: status %d", a.status)
	}
	form["client_secret"] = "other"
	pairOf(t, trade(t, e, form))
}

func TestLongLived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		token, err := e.IssueLongLived(48 * time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenClaims(t, token); got.GrantType != "" || got.Exp-got.Iat != 48*3600 {
			t.Errorf("claims %+v", got)
		}
		time.Sleep(48*time.Hour - time.Nanosecond)
		before := visit(t, e, accountV4, token)
		time.Sleep(time.Nanosecond)
		if after := visit(t, e, accountV4, token); before != 200 || after != 401 {
			t.Errorf("before its end %d, after it %d", before, after)
		}
		if e.LivePairs() != 0 {
			t.Error("it has a refresh token")
		}
	})
	if _, err := open(t, Config{}).IssueLongLived(0); err == nil {
		t.Error("a token without a life was issued")
	}
}

// tokenClaims reads an access token as its holders do.
func tokenClaims(t *testing.T, token string) claims {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var header map[string]string
	var body claims
	for i, to := range []any{&header, &body} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		t.Errorf("signature: %v", err)
	}
	if header["typ"] != "JWT" || header["alg"] != "RS256" || header["jti"] != body.Jti {
		t.Errorf("header %v", header)
	}
	return body
}

// randomUUID is a UUID of version 4 and of the variant of RFC 9562, which parsers may insist on.
var randomUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestAccessToken_claims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Host: "north.amocrm.ru", OAuth: OAuth{AccessLife: time.Hour}})
		got := tokenClaims(t, issuePair(t, e).AccessToken)
		if !randomUUID.MatchString(got.HashUUID) || len(got.Jti) != 80 {
			t.Errorf("hash_uuid %q, jti %q", got.HashUUID, got.Jti)
		}
		got.HashUUID, got.Jti = "", ""
		now := time.Now().Unix()
		want := claims{
			Aud: DefaultClientID, Iat: now, Nbf: now, Exp: now + 3600, Sub: "7204833", GrantType: grantCode, AccountID: 30117249,
			BaseDomain: "amocrm.ru", Version: 2, Scopes: []string{"push_notifications", "files", "crm", "files_delete", "notifications"},
			APIDomain: "api-b.amocrm.ru",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAccessToken_apiDomain(t *testing.T) {
	for _, test := range []struct {
		oauth   OAuth
		address string
		want    string
	}{
		{OAuth{}, "", "api-b.amocrm.ru"},
		{OAuth{Platform: 2}, "", "api-c.kommo.com"},
		{OAuth{}, "127.0.0.1:4711", "127.0.0.1:4711"},
		{OAuth{APIDomain: "api.test"}, "127.0.0.1:4711", "api.test"},
	} {
		e := open(t, Config{OAuth: test.oauth})
		if test.address != "" {
			e.SetAddress(test.address)
		}
		if got := tokenClaims(t, issuePair(t, e).AccessToken).APIDomain; got != test.want {
			t.Errorf("%+v, address %q: %q", test.oauth, test.address, got)
		}
	}
}

func TestTokenStats(t *testing.T) {
	e := open(t, Config{})
	p := pairOf(t, trade(t, e, exchangeForm(grantCode, e.IssueCode())))
	for range 3 {
		p = pairOf(t, refresh(t, e, p.RefreshToken))
	}
	spent := p.RefreshToken
	pairOf(t, refresh(t, e, spent))
	refresh(t, e, spent)
	refresh(t, e, spent)
	refresh(t, e, "x")
	trade(t, e, map[string]string{})
	want := TokenStats{
		Calls: 9, ByGrant: map[string]int64{grantCode: 1, grantRefresh: 7, "unknown": 1},
		Refused: map[string]int64{hintRevoked: 2, hintInvalid: 1, hintClientID: 1},
		Revoked: 2, Pairs: 5, Refreshes: 4, ByPair: map[int64]int64{1: 1, 2: 1, 3: 1, 4: 3}, PresentedTwice: 1,
	}
	got := e.Stats().Tokens
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	maps.Copy(got.Refused, map[string]int64{"x": 1})
	if e.Stats().Tokens.Refused["x"] != 0 || e.LivePairs() != 1 {
		t.Error("a copy of the statistics is none, or another refresh token lives")
	}
	e.ResetStats()
	if diff := cmp.Diff(newTokenStats(), e.Stats().Tokens); diff != "" {
		t.Errorf("after a reset (-want +got):\n%s", diff)
	}
}
