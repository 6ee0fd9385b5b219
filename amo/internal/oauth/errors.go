package oauth

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// failure is the body of an error.
type failure struct {
	// isJSON says that it is an object.
	isJSON bool
	// hint is upstream's own word for the cause, code that of the standard.
	hint, code string
	// status is the one inside of the body; 0 = none.
	status int64
}

func readFailure(body []byte) failure {
	var document struct {
		Hint   wire.Text `json:"hint"`
		Error  wire.Text `json:"error"`
		Status wire.Int  `json:"status"`
	}
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || trimmed[0] != '{' || wire.Unmarshal(trimmed, &document) != nil {
		return failure{}
	}
	return failure{isJSON: true, hint: document.Hint.Value, code: document.Error.Value, status: document.Status.Value}
}

// hints are what upstream is known to say, in lower case.
var hints = map[string]driver.Kind{
	"token has been revoked":                     driver.KindReauth,
	"invalid refresh token":                      driver.KindReauth,
	"cannot decrypt the refresh token":           driver.KindReauth,
	"token has expired":                          driver.KindReauth,
	"authorization code has expired":             driver.KindInvalid,
	"authorization code has been revoked":        driver.KindInvalid,
	"cannot decrypt the authorization code":      driver.KindInvalid,
	"check the `client_id` parameter":            driver.KindMisconfigured,
	"check the `client_secret` parameter":        driver.KindMisconfigured,
	"redirect uri is not associated with client": driver.KindMisconfigured,
	"invalid account":                            driver.KindMoved,
}

// codes are those of RFC 6749 that an issuer may send in place of a hint.
var codes = map[string]driver.Kind{
	"invalid_grant":       driver.KindReauth,
	"invalid_client":      driver.KindMisconfigured,
	"unauthorized_client": driver.KindMisconfigured,
}

// messages say what a kind means at the token endpoint, with the remedy.
var messages = map[driver.Kind]string{
	driver.KindReauth:          "upstream does not accept the refresh token; authorize the account again",
	driver.KindInvalid:         "upstream does not accept the authorization code: it works once, for twenty minutes; begin the authorization again",
	driver.KindMisconfigured:   "upstream does not accept the integration: its id, its secret and its redirect URL do not belong together, or the account is not paid for; correct the integration, or pay",
	driver.KindMoved:           "there is no such account on this host",
	driver.KindBlocked:         "upstream has blocked the account or this address",
	driver.KindForbidden:       "upstream forbids the exchange of tokens",
	driver.KindPaymentRequired: "the account's subscription has ended",
	driver.KindRateLimited:     "upstream has had too many requests",
	driver.KindUnavailable:     "upstream failed",
	driver.KindBadResponse:     "upstream's answer cannot be understood",
}

// decodeError classifies an answer. It returns nil for a success.
func decodeError(r driver.Response) error {
	if r.Status >= 300 && r.Status < 400 {
		return redirect(r)
	}
	f := readFailure(r.Body)
	status := int64(r.Status)
	if status >= 200 && status < 300 {
		if !f.isJSON {
			return badResponse(r.Status, errNoTokens) // a page
		}
		if f.hint == "" && f.code == "" && f.status < 400 {
			return nil
		}
		status = max(f.status, http.StatusBadRequest)
	}
	e := &driver.Error{Kind: classify(f, status), Code: shown(f.hint), Status: int(status)}
	e.Message = messages[e.Kind]
	if e.Kind == driver.KindRateLimited || e.Kind == driver.KindUnavailable || e.Kind == driver.KindBlocked {
		e.RetryAfter = retryAfter(r.Header)
	}
	return e
}

// classify goes by the hint, then by the status.
func classify(f failure, status int64) driver.Kind {
	if status == http.StatusUnauthorized || status == http.StatusBadRequest {
		if kind, known := hints[strings.ToLower(strings.TrimSpace(f.hint))]; known {
			return kind
		}
		if kind, known := codes[f.code]; known {
			return kind
		}
	}
	switch {
	case status == http.StatusUnauthorized && f.isJSON && f.hint == "":
		return driver.KindMisconfigured
	case status == http.StatusPaymentRequired:
		return driver.KindPaymentRequired
	case status == http.StatusForbidden && f.isJSON:
		return driver.KindForbidden
	case status == http.StatusForbidden:
		return driver.KindBlocked
	case status == http.StatusNotFound:
		return driver.KindMoved
	case status == http.StatusTooManyRequests:
		return driver.KindRateLimited
	case status == http.StatusRequestTimeout, status == 499, status >= 500:
		return driver.KindUnavailable
	}
	// An unknown refusal says nothing of the tokens for certain.
	return driver.KindBadResponse
}

// redirect tells an account on another host from a redirect that leads nowhere.
func redirect(r driver.Response) error {
	target, err := url.Parse(r.Header.Get("Location"))
	if err == nil && target.Scheme == "https" && target.Host != "" && (r.URL == nil || !strings.EqualFold(target.Host, r.URL.Host)) {
		return &driver.Error{Kind: driver.KindMoved, Message: messages[driver.KindMoved], Host: hostOf(target.Host), Status: r.Status}
	}
	return badResponse(r.Status, err)
}

// maxShown is the most bytes of a hint that are shown.
const maxShown = 80

// shown returns a hint when it is fit to be shown: words, no token.
func shown(hint string) string {
	if len(hint) > maxShown {
		return ""
	}
	for word := range strings.FieldsSeq(hint) {
		if len(word) > 20 || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '=' }) {
			return ""
		}
	}
	return hint
}

// retryAfter reads Retry-After: seconds, or a date, which is counted from the
// answer's own Date.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return min(time.Duration(min(n, int(maxLife/time.Second)))*time.Second, maxLife)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(at.Sub(date), 0)
}
