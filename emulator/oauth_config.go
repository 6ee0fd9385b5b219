package emulator

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// The integration every emulator knows unless its Config names another. It opens nothing else.
const (
	DefaultClientID     = "5d3cb2a1-8f04-4c7e-9b16-2e0f7a6d9c55"
	DefaultClientSecret = "emulator-client-secret" //nolint:gosec // public on purpose
	DefaultRedirectURL  = "http://127.0.0.1:8080/oauth/callback"
)

// OAuth is the integration the account has installed. The zero OAuth is one with the public credentials above and the
// documented lives, whose refresh tokens can be used once.
type OAuth struct {
	// ClientID and ClientSecret are the integration's. Defaults: DefaultClientID, DefaultClientSecret.
	ClientID, ClientSecret string
	// RedirectURL is the only redirect URI that is accepted, letter by letter. Default: DefaultRedirectURL.
	RedirectURL string

	// AccessLife is how long an access token lives, a second or more; its exp has whole seconds. Default: 24 hours.
	AccessLife time.Duration
	// RefreshLife is how long an unused refresh token lives. Default: 90 days.
	RefreshLife time.Duration
	// CodeLife is how long a code can be exchanged. Default: 20 minutes.
	CodeLife time.Duration

	// Grace lets a refresh token be exchanged again until the pair it brought is used for the first time, as one page of
	// the service says. The pair of the exchange before is dead then.
	Grace bool
	// RefreshEndsAccess ends the access token of a pair when its refresh token is exchanged.
	RefreshEndsAccess bool
	// ClientErrors is how a request with the wrong secret or redirect URI is refused.
	ClientErrors ClientErrors
	// RevokedStatus is the status of a refused token that was used or revoked. Default: 401.
	RevokedStatus int
	// InvalidStatus is the status of a refused token that was never issued. Default: 400.
	InvalidStatus int
	// EnglishErrors writes titles and details of refused exchanges in English. Nobody recorded such texts.
	EnglishErrors bool
	// ServerTime adds server_time to the answer with a pair.
	ServerTime bool
	// Unpaid refuses every exchange as that of a client which cannot be trusted, as was seen on an unpaid account.
	Unpaid bool
	// ConsentDenied lets the user refuse at the consent page.
	ConsentDenied bool
	// Uncounted keeps the token endpoint and the look-ups of the domain out of the window of the limiter. A ban stops
	// them all the same.
	Uncounted bool

	// APIDomain is the claim api_domain of access tokens, a host with a port where there is one. Empty: the address
	// that SetAddress told, else "api-b.amocrm.ru".
	APIDomain string
	// Platform is the parameter platform of the redirect: 1 is amocrm.ru, 2 amocrm.com and kommo.com. Default: 1.
	Platform int
}

// ClientErrors is how a request with the wrong secret or redirect URI is refused.
type ClientErrors int

// The ways of that.
const (
	ClientErrorsMixed  ClientErrors = iota // a wrong secret 401 without a hint, a wrong redirect URI 400 with one
	ClientErrorsHinted                     // both 400 with a hint
	ClientErrorsBare                       // both 401 without a hint
)

func (o OAuth) withDefaults() OAuth {
	setDefault(&o.ClientID, DefaultClientID)
	setDefault(&o.ClientSecret, DefaultClientSecret)
	setDefault(&o.RedirectURL, DefaultRedirectURL)
	setDefault(&o.AccessLife, 24*time.Hour)
	setDefault(&o.RefreshLife, 90*24*time.Hour)
	setDefault(&o.CodeLife, 20*time.Minute)
	setDefault(&o.RevokedStatus, 401)
	setDefault(&o.InvalidStatus, 400)
	setDefault(&o.Platform, 1)
	return o
}

// validate reports every error at once.
func (o OAuth) validate() error {
	var errs []error
	if u, err := url.Parse(o.RedirectURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("redirect url %q: needs http or https and a host", o.RedirectURL))
	}
	if o.AccessLife < time.Second {
		errs = append(errs, fmt.Errorf("access life: %s is below a second", o.AccessLife))
	}
	if o.RefreshLife < 0 {
		errs = append(errs, fmt.Errorf("refresh life: %s is negative", o.RefreshLife))
	}
	if o.CodeLife < 0 {
		errs = append(errs, fmt.Errorf("code life: %s is negative", o.CodeLife))
	}
	for _, status := range []int{o.RevokedStatus, o.InvalidStatus} {
		if status != 400 && status != 401 {
			errs = append(errs, fmt.Errorf("status of a refused token: %d is neither 400 nor 401", status))
		}
	}
	if o.Platform != 1 && o.Platform != 2 {
		errs = append(errs, fmt.Errorf("platform: %d is neither 1 nor 2", o.Platform))
	}
	if len(errs) > 0 {
		return fmt.Errorf("oauth: %w", errors.Join(errs...))
	}
	return nil
}
