package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
)

// Consent is a consent that was begun.
type Consent struct {
	// URL is where a person gives it.
	URL string
	// ExpiresAt is when it cannot come back any more.
	ExpiresAt time.Time
}

// begun is what is known here of a consent that was begun: a code that a person
// brings has no state that finds it in the store.
type begun struct {
	host      amo.Host // zero = whichever account answers
	expiresAt time.Time
}

// BeginAuthorization opens a one-use state for the consent of a person, for an
// account that is to be added or authorized again. With a URL no other account's
// consent is taken. Its error is a *FieldError, ErrFromFlags, ErrNoIntegration, or
// an *amo.Error of the store.
func (r *Registry) BeginAuthorization(ctx context.Context, name, rootURL string) (Consent, error) {
	if err := CheckName(name); err != nil {
		return Consent{}, err
	}
	if r.config.Integration == (amo.Integration{}) {
		return Consent{}, ErrNoIntegration
	}
	old, err := r.replaceable(ctx, name, true)
	if err != nil {
		return Consent{}, err
	}
	var host, consentAt amo.Host
	if rootURL != "" {
		if host, err = amo.ParseURL(rootURL, r.config.AllowInsecure); err != nil {
			return Consent{}, &FieldError{Field: "url", Message: err.Error()}
		}
		consentAt = host
	} else if old != nil {
		// The account may have got another name since: its number binds it.
		if consentAt, err = r.storedHost(old.URL); err != nil {
			return Consent{}, err
		}
	}
	state := rand.Text() // 130 random bits
	a := Authorization{StateHash: sha256.Sum256([]byte(state)), Account: name, URL: host.String()}
	life := r.config.Settings.StateLife
	if err := r.config.Store.PutAuthorization(ctx, a, life); err != nil {
		return Consent{}, fmt.Errorf("account: store the state of the consent: %w", err)
	}
	expires := time.Now().Add(life)
	r.mu.Lock()
	r.begun[name] = begun{host: host, expiresAt: expires}
	r.mu.Unlock()
	return Consent{URL: r.consentURL(consentAt, state), ExpiresAt: expires}, nil
}

// consentURL is the page on which a person consents. The domain of an account has
// one for all; a host outside of upstream's has its own.
func (r *Registry) consentURL(host amo.Host, state string) string {
	at := &url.URL{Scheme: "https", Host: "www." + r.config.Zone}
	switch {
	case host.Zone() != "":
		at.Host = "www." + host.Zone()
	case !host.IsZero():
		at = host.URL()
	}
	at.Path = "/oauth"
	at.RawQuery = url.Values{
		"client_id": {r.config.Integration.ClientID},
		"state":     {state},
		// The page itself is sent back here; the other mode reloads the window that
		// opened it, and there is none.
		"mode": {"post_message"},
	}.Encode()
	return at.String()
}

// begunFor returns the host that the last consent of an account was begun for.
func (r *Registry) begunFor(name string) (amo.Host, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.begun[name]
	if !ok || !time.Now().Before(b.expiresAt) {
		delete(r.begun, name)
		return amo.Host{}, false
	}
	return b.host, !b.host.IsZero()
}

// exchange exchanges a code for the first pair of tokens of an account.
func (r *Registry) exchange(ctx context.Context, name string, host amo.Host, code Code) (custody.Pair, error) {
	if r.config.Integration == (amo.Integration{}) {
		return custody.Pair{}, ErrNoIntegration
	}
	config, done, err := r.try(name, host, nil)
	if err != nil {
		return custody.Pair{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, r.config.Settings.SharedTimeout)
	defer cancel()
	return amo.ExchangeCode(ctx, config, r.config.Integration, string(code))
}

// refusal is why what came back from upstream is not taken. It is shown to a
// person and holds nothing secret.
type refusal struct {
	message string
	// cause is for the log.
	cause error
}

// Error implements error.
func (e *refusal) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

// Unwrap returns the cause.
func (e *refusal) Unwrap() error { return e.cause }

// again is how most refusals are mended.
const again = "begin again with `amogate account add NAME --oauth`"

// finishConsent takes what upstream sent back with a browser: the state that was
// opened for it, and a code or a refusal. The state is used up whatever comes of it.
func (r *Registry) finishConsent(ctx context.Context, q url.Values) (Account, error) {
	for _, key := range []string{"state", "code", "referer", "error"} {
		if len(q[key]) > 1 {
			return Account{}, &refusal{message: fmt.Sprintf("the address has %s twice, which upstream never sends; %s", key, again)}
		}
	}
	state := q.Get("state")
	if state == "" {
		return Account{}, &refusal{message: "the address has no state, so that it belongs to no consent that was begun here; " + again}
	}
	a, err := r.config.Store.TakeAuthorization(ctx, sha256.Sum256([]byte(state)))
	switch {
	case errors.Is(err, ErrStateInvalid):
		return Account{}, &refusal{message: "the state is unknown, was used already, or is too old; " + again, cause: err}
	case err != nil:
		return Account{}, fmt.Errorf("account: read the state of the consent: %w", err)
	}
	if denied := q.Get("error"); denied != "" {
		if denied == "access_denied" {
			return Account{}, &refusal{message: "the consent was refused at amoCRM; to give it, " + again}
		}
		return Account{}, &refusal{message: "amoCRM answered with an error instead of a code; " + again}
	}
	given := Given{Code: Code(q.Get("code"))}
	if given.Code == "" {
		return Account{}, &refusal{message: "the address has neither a code nor an error; " + again}
	}
	if err := given.validate(); err != nil {
		return Account{}, &refusal{message: "the address has a code that is none; " + again}
	}
	host, err := r.cameFrom(q.Get("referer"), a)
	if err != nil {
		return Account{}, err
	}
	old, err := r.replaceable(ctx, a.Account, true)
	if err != nil {
		return Account{}, err
	}
	return r.authorize(ctx, candidate{name: a.Account, host: host, old: old, kind: custody.KindOAuth}, given.Code)
}

// cameFrom returns the host that gave the code: the account's own, and the one
// that was asked for when one was.
func (r *Registry) cameFrom(referer string, a Authorization) (amo.Host, error) {
	if referer == "" {
		return amo.Host{}, &refusal{message: "the address has no referer, which names the account; " + again}
	}
	host, err := amo.ParseHost(referer, r.config.AllowInsecure)
	if err != nil {
		return amo.Host{}, &refusal{message: "the referer is not an account of amoCRM: only SUBDOMAIN.amocrm.ru, .amocrm.com and .kommo.com are; nothing was sent there", cause: err}
	}
	if a.URL == "" {
		return host, nil
	}
	want, err := r.storedHost(a.URL)
	if err != nil {
		return amo.Host{}, err
	}
	if host.Name() != want.Name() {
		return amo.Host{}, &refusal{message: fmt.Sprintf("the consent is one of %s, and %s was asked for; consent in the right account, or begin without its URL", host.Name(), want.Name())}
	}
	return want, nil
}

// authorize stores a candidate with the pair of tokens that a code is worth.
func (r *Registry) authorize(ctx context.Context, c candidate, code Code) (Account, error) {
	pair, err := r.exchange(ctx, c.name, c.host, code)
	if err != nil {
		return Account{}, err
	}
	c.secret, c.life = custody.Secret{Access: pair.Access, Refresh: pair.Refresh}, pair.Life
	return r.adopt(ctx, c)
}
