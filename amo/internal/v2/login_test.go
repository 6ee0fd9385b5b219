package v2_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
)

// In the query the key would stand in logs, and upstream would echo it.
func TestLoginCall_sendsCredentialsInTheBody(t *testing.T) {
	t.Parallel()
	want := driver.Call{
		Name: "session.login", Method: "POST", Path: "/private/api/auth.php",
		Query:       url.Values{"type": {"json"}},
		Body:        []byte("USER_HASH=0123%26abc&USER_LOGIN=a%2Bb%40example.com"),
		ContentType: "application/x-www-form-urlencoded",
		Effect:      driver.Read,
	}
	if diff := cmp.Diff(want, v2.LoginCall("a+b@example.com", "0123&abc")); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		// kind -1 = it succeeded.
		kind driver.Kind
	}{
		{"success", 200, `{"response":{"auth":true,"accounts":[{"id":"1","name":"Shop","subdomain":"shop"}],"user":{"id":5},"server_time":1508320306}}`, -1},
		{"success in other spellings", 200, `{"response":{"auth":"1","accounts":[]}}`, -1},
		{"wrong key", 401, `{"response":{"auth":false,"error":"Неправильный логин или пароль","error_code":"110"}}`, driver.KindReauth},
		{"wrong key in a success", 200, `{"response":{"auth":false,"error":"x","error_code":"110"}}`, driver.KindReauth},
		{"refused without a reason", 200, `{"response":{"auth":false}}`, driver.KindReauth},
		{"refused in other spellings", 200, `{"response":{"auth":"0"}}`, driver.KindReauth},
		{"captcha", 401, legacy("111"), driver.KindReauth},
		{"address not allowed", 403, legacy("113"), driver.KindBlocked},
		{"no such account", 401, legacy("101"), driver.KindMoved},
		{"another server", 401, `{"response":{"auth":false,"error":"x","error_code":"401","domain":"shop.amocrm.com"}}`, driver.KindMoved},
		{"XML", 200, `<?xml version="1.0"?><root><auth>true</auth></root>`, driver.KindBadResponse},
		{"nothing", 200, ``, driver.KindBadResponse},
		{"something else", 200, `{"response":{"server_time":5}}`, driver.KindBadResponse},
		{"cut", 200, `{"response":{"auth":tr`, driver.KindBadResponse},
		{"too many requests", 429, ``, driver.KindRateLimited},
		{"out of order", 502, page, driver.KindUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := v2.DecodeLogin(driver.Response{Status: c.status, Body: []byte(c.body)})
			if c.kind < 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, c.kind)
		})
	}
}
