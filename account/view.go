package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
)

// Account is what operators see of an account. It holds no secret.
type Account struct {
	// Record is the account as it is stored; of that of the flags it has the name
	// and the URL.
	Record
	// FromFlags says that it is the account of the flags.
	FromFlags bool
	// Credentials are what is known of its credentials; those of the flags have a
	// kind only.
	Credentials Credentials
	// LastSuccess is when upstream last answered a request of this process with
	// success; zero = not since it started.
	LastSuccess time.Time
}

// Credentials are what operators see of an account's credentials.
type Credentials struct {
	// Kind is their kind.
	Kind custody.Kind
	// State says what they are good for, Reason why and what to do.
	State  custody.State
	Reason string
	// Undecryptable says that no key of the ring opens them.
	Undecryptable bool
	// Generation counts them.
	Generation int64
	// KeyID names the key that seals them.
	KeyID string
	// ExpiresAt is the end of the access token; zero = it does not expire, or
	// nobody knows. RefreshAt is when it will be renewed; zero = never. Both are by
	// this process' clock.
	ExpiresAt, RefreshAt time.Time
}

// List returns all accounts, by name.
func (r *Registry) List(ctx context.Context) ([]Account, error) {
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	all, err := r.config.Store.AllCredentials(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: list credentials: %w", err)
	}
	byName := map[string]custody.Record{}
	for _, c := range all {
		byName[c.Account] = c
	}
	var accounts []Account
	r.mu.Lock()
	for _, name := range r.names() {
		accounts = append(accounts, r.account(name))
	}
	r.mu.Unlock()
	for i := range accounts {
		a := &accounts[i]
		if c, ok := byName[a.Name]; ok && !a.FromFlags {
			a.Credentials = r.view(ctx, c, !a.LastSuccess.IsZero())
		}
	}
	return accounts, nil
}

// Get returns an account.
func (r *Registry) Get(ctx context.Context, name string) (Account, error) {
	if err := r.refresh(ctx); err != nil {
		return Account{}, err
	}
	r.mu.Lock()
	_, known := r.records[name]
	a := r.account(name)
	r.mu.Unlock()
	switch {
	case a.FromFlags:
		return a, nil
	case !known:
		return Account{}, ErrNotFound
	}
	c, err := r.config.Store.Credentials(ctx, name)
	switch {
	case errors.Is(err, custody.ErrNotFound):
		return Account{}, ErrNotFound // removed meanwhile
	case err != nil:
		return Account{}, fmt.Errorf("account: read credentials: %w", err)
	}
	a.Credentials = r.view(ctx, c, !a.LastSuccess.IsZero())
	return a, nil
}

// Limiter returns the state of an account's limiter.
func (r *Registry) Limiter(ctx context.Context, name string) (limit.Status, error) {
	r.mu.Lock()
	_, known := r.records[name]
	if !known && !r.isStatic(name) {
		r.mu.Unlock()
		return limit.Status{}, ErrNotFound
	}
	var host amo.Host
	if known {
		// A URL that is not allowed here is shown with its limiter all the same.
		host, _ = r.storedHost(r.records[name].URL)
	} else {
		host = r.config.Static.Host
	}
	l, err := r.limiter(name, host)
	r.mu.Unlock()
	if err != nil {
		return limit.Status{}, err
	}
	return l.Status(ctx)
}

// account returns what is known here of an account. It is called with mu held.
func (r *Registry) account(name string) Account {
	a := Account{Record: r.records[name].Record}
	if r.isStatic(name) {
		a = Account{Record: Record{Name: name, URL: r.config.Static.Host.String()}, FromFlags: true}
		a.Credentials = Credentials{Kind: kindOf(r.config.Static.Auth), State: custody.StateOK}
	}
	if h, ok := r.handles[name]; ok {
		a.LastSuccess = h.client.LastSuccess()
	}
	return a
}

// view returns what operators see of credentials. Used says that somebody has
// used them here: those of others are renewed rarely.
func (r *Registry) view(ctx context.Context, c custody.Record, used bool) Credentials {
	_, c, err := custody.OpenStored(ctx, r.config.Ring, r.config.Store, c)
	v := Credentials{Kind: c.Kind, State: c.State, Reason: c.Reason, Generation: c.Generation, KeyID: c.KeyID}
	if err != nil {
		v.Undecryptable, v.Reason = true, messageOf(err)
	}
	// The store's times, by the clock of this process.
	offset := time.Since(c.Now)
	if !c.ExpiresAt.IsZero() {
		v.ExpiresAt = c.ExpiresAt.Add(offset)
	}
	if c.Kind == custody.KindOAuth && c.State == custody.StateOK && !v.Undecryptable {
		wait := r.config.Settings.IdleRefresh
		if life := c.ExpiresAt.Sub(c.IssuedAt); used {
			wait = min(wait, time.Duration(float64(life)*r.config.Settings.RefreshAt))
		}
		v.RefreshAt = c.IssuedAt.Add(wait).Add(offset)
		if retry := c.RetryAt.Add(offset); !c.RetryAt.IsZero() && retry.After(v.RefreshAt) {
			v.RefreshAt = retry
		}
	}
	return v
}
