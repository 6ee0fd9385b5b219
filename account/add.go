package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
)

// maxReplaces bounds how often new credentials are offered to the store while
// refreshes of the old ones come in between.
const maxReplaces = 5

// Addition is an account that is to be added, or gets new credentials.
type Addition struct {
	// Name is its name here.
	Name string
	// URL is the root of its API. Empty = that of the stored account, or of the
	// consent that was begun for it.
	URL string
	// Given are its credentials.
	Given Given
	// Replace gives an account that exists the new credentials.
	Replace bool
}

// Add tries credentials against upstream and stores the account with them, or
// replaces the credentials of a stored account of the same number. Nothing is
// stored when upstream refuses them. Its error is a *FieldError, ErrExists,
// ErrFromFlags, ErrNoIntegration, an *OtherAccountError, or an *amo.Error.
func (r *Registry) Add(ctx context.Context, a Addition) (Account, error) {
	if err := CheckName(a.Name); err != nil {
		return Account{}, err
	}
	if err := a.Given.validate(); err != nil {
		return Account{}, err
	}
	old, err := r.replaceable(ctx, a.Name, a.Replace)
	if err != nil {
		return Account{}, err
	}
	host, err := r.hostOf(a, old)
	if err != nil {
		return Account{}, err
	}
	c := candidate{name: a.Name, host: host, old: old, kind: a.Given.kind()}
	switch c.kind {
	case custody.KindOAuth:
		return r.authorize(ctx, c, a.Given.Code)
	case custody.KindToken:
		c.secret.Access = string(a.Given.Token)
	case custody.KindSession:
		c.secret.Login, c.secret.APIKey = a.Given.Session.Login, a.Given.Session.APIKey
	}
	return r.adopt(ctx, c)
}

// replaceable returns the stored account of a name, nil when there is none, and
// says whether its credentials may be replaced.
func (r *Registry) replaceable(ctx context.Context, name string, replace bool) (*Record, error) {
	if r.isStatic(name) {
		return nil, ErrFromFlags
	}
	old, err := r.config.Store.Account(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil //nolint:nilnil // no account is no error here
	case err != nil:
		return nil, fmt.Errorf("account: read account: %w", err)
	case !replace:
		return nil, ErrExists
	}
	return &old, nil
}

// hostOf returns the host of an addition.
func (r *Registry) hostOf(a Addition, old *Record) (amo.Host, error) {
	if a.URL != "" {
		host, err := amo.ParseURL(a.URL, r.config.AllowInsecure)
		if err != nil {
			return amo.Host{}, &FieldError{Field: "url", Message: err.Error()}
		}
		return host, nil
	}
	if a.Given.Code != "" {
		if host, ok := r.begunFor(a.Name); ok {
			return host, nil
		}
	}
	if old != nil {
		return r.storedHost(old.URL)
	}
	return amo.Host{}, &FieldError{Field: "url", Message: "is required: give https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com"}
}

// storedHost reads a URL of the store, which may be one that this process would
// not take: it was added with checks lifted.
func (r *Registry) storedHost(url string) (amo.Host, error) {
	host, err := amo.ParseURL(url, r.config.AllowInsecure)
	if err != nil {
		return amo.Host{}, fmt.Errorf("account: the stored URL %q is not allowed here (--allow-insecure-upstream): %w", url, err)
	}
	return host, nil
}

// candidate is an account whose credentials upstream has not seen yet.
type candidate struct {
	name   string
	host   amo.Host
	old    *Record // nil = the account is new
	kind   custody.Kind
	secret custody.Secret
	life   time.Duration
}

// auth returns the credentials as a client takes them.
func (c candidate) auth() amo.Auth {
	if c.kind == custody.KindSession {
		return amo.Session{Login: c.secret.Login, APIKey: c.secret.APIKey}
	}
	return amo.BearerToken(c.secret.Access)
}

// adopt tries the credentials of a candidate and stores it.
func (r *Registry) adopt(ctx context.Context, c candidate) (Account, error) {
	identity, err := r.identify(ctx, c)
	if err != nil {
		return Account{}, err
	}
	if c.old != nil && c.old.UpstreamID != 0 && c.old.UpstreamID != identity.ID {
		return Account{}, &OtherAccountError{Name: c.name, Stored: c.old.UpstreamID, Given: identity.ID}
	}
	if c.old == nil {
		err = r.create(ctx, c, identity.ID)
	} else {
		err = r.replace(ctx, c, identity.ID)
	}
	if err != nil {
		return Account{}, err
	}
	r.config.Logger.InfoContext(ctx, "account stored", "account", c.name, "url", c.host.String(), "kind", string(c.kind), "new", c.old == nil)
	return r.Get(ctx, c.name)
}

// identify reads the account of a candidate, in the slots of its limiter.
func (r *Registry) identify(ctx context.Context, c candidate) (amo.Identity, error) {
	config, done, err := r.try(c.name, c.host, c.auth())
	if err != nil {
		return amo.Identity{}, err
	}
	defer done()
	client, err := amo.New(config)
	if err != nil {
		return amo.Identity{}, &FieldError{Field: c.field(), Message: err.Error()}
	}
	defer client.Close()
	return client.Identify(ctx)
}

// field is the field of an Addition that the credentials came in.
func (c candidate) field() string {
	switch c.kind {
	case custody.KindOAuth:
		return "authorization_code"
	case custody.KindSession:
		return "session"
	default:
		return "access_token"
	}
}

func (r *Registry) create(ctx context.Context, c candidate, upstreamID int64) error {
	sealed, err := custody.Seal(r.config.Ring, c.name, 1, c.secret, c.life)
	if err != nil {
		return fmt.Errorf("account: seal credentials: %w", err)
	}
	record := Record{Name: c.name, URL: c.host.String(), UpstreamID: upstreamID}
	if err := r.config.Store.CreateAccount(ctx, record, c.kind, sealed); err != nil {
		return fmt.Errorf("account: store account: %w", err)
	}
	return r.follow(ctx, c, sealed)
}

// follow seals credentials that were just stored anew where the keys were rotated
// meanwhile: the rotation may not have seen them. A caller that goes away does not
// end it, the key may be gone by then.
func (r *Registry) follow(ctx context.Context, c candidate, stored custody.Sealed) error {
	s := r.config.Settings
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.AcquireTimeout+s.StatementTimeout)
	defer cancel()
	record := custody.Record{Account: c.name, Generation: stored.Generation, KeyID: stored.KeyID}
	if _, err := custody.Reseal(ctx, r.config.Ring, r.config.Store, record, c.secret); err != nil {
		return fmt.Errorf("account: seal credentials anew: %w", err)
	}
	return nil
}

// replace stores new credentials in the place of whichever generation is there,
// and the account's host and number where they have changed.
func (r *Registry) replace(ctx context.Context, c candidate, upstreamID int64) error {
	for range maxReplaces {
		now, err := r.config.Store.Credentials(ctx, c.name)
		if err != nil {
			return fmt.Errorf("account: read credentials: %w", err)
		}
		sealed, err := custody.Seal(r.config.Ring, c.name, now.Generation+1, c.secret, c.life)
		if err != nil {
			return fmt.Errorf("account: seal credentials: %w", err)
		}
		stored, err := r.config.Store.PutCredentials(ctx, c.name, c.kind, sealed)
		if err != nil {
			return fmt.Errorf("account: store credentials: %w", err)
		}
		if !stored {
			continue // the old ones were refreshed meanwhile
		}
		if err := r.follow(ctx, c, sealed); err != nil {
			return err
		}
		if c.old.URL == c.host.String() && c.old.UpstreamID == upstreamID {
			return nil
		}
		if err := r.config.Store.MoveAccount(ctx, c.name, c.host.String(), upstreamID); err != nil {
			return fmt.Errorf("account: store the account's URL: %w", err)
		}
		return nil
	}
	return &amo.Error{Kind: amo.KindStoreBusy, Message: "the account's credentials go on changing; try again"}
}
