package amo

import (
	"context"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	"github.com/amogate/amogate/amo/limit"
)

const (
	// accountLife is how long what is known of the account is used: time zone,
	// currency and custom fields change rarely.
	accountLife = 10 * time.Minute
	// accountRest is the least age at which a custom field that is not known
	// makes us read the account again.
	accountRest = time.Minute
)

// accountCache holds what the codecs of a generation have to know of the
// account.
type accountCache struct {
	load flight

	mu   sync.Mutex
	env  *driver.Env
	read time.Time
	// forgotten is when the account was changed from here; what was read before
	// may be older than the change.
	forgotten time.Time
}

// current returns the cached account, if it is younger than age.
func (a *accountCache) current(age time.Duration) *driver.Env {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.env == nil || time.Since(a.read) >= age || a.read.Before(a.forgotten) {
		return nil
	}
	return a.env
}

// forget makes the next caller read the account. What is known stays for those who
// are about to take it, and a read under way does not count as newer.
func (a *accountCache) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgotten = time.Now()
}

// accountReader reads the account over one generation.
type accountReader struct {
	call        func() driver.Call
	decode      func(body []byte) (*driver.Env, error)
	decodeError func(driver.Response) *driver.Error
}

var accountReaders = map[Generation]accountReader{
	V2: {v2.AccountCall, v2.DecodeAccount, v2.DecodeError},
	V4: {v4.AccountCall, v4.DecodeAccount, v4.DecodeError},
}

// env returns what is known of the account over a generation, reading it first
// when that is older than age.
func (c *Client) env(ctx context.Context, generation Generation, age time.Duration) (*driver.Env, error) {
	account := c.accounts[generation]
	if env := account.current(age); env != nil {
		return env, nil
	}
	err := account.load.do(ctx, c, func(ctx context.Context) error {
		if account.current(age) != nil {
			return nil
		}
		return c.readAccount(ctx, generation)
	})
	if err != nil {
		return nil, err
	}
	account.mu.Lock()
	defer account.mu.Unlock()
	return account.env, nil
}

func (c *Client) readAccount(ctx context.Context, generation Generation) error {
	reader, account := accountReaders[generation], c.accounts[generation]
	var env *driver.Env
	began := time.Now()
	_, err := c.send(ctx, request{
		call:  reader.call(),
		class: limit.Interactive,
		decode: func(r driver.Response) error {
			if err := reader.decodeError(r); err != nil {
				if err.Kind == KindNotFound {
					// Every account has itself: it lives on another host by now.
					err.Kind, err.Message = KindMoved, "there is no such account on this host"
				}
				return err
			}
			decoded, err := reader.decode(r.Body)
			env = decoded
			return err
		},
	})
	if err != nil {
		return err
	}
	account.mu.Lock()
	defer account.mu.Unlock()
	account.env, account.read = env, began
	return nil
}

// atHome reads the account anew, unless that was done lately, and follows it to
// another host. Its error is of KindMoved when there is no such account on its host
// and no other that is taken.
func (c *Client) atHome(ctx context.Context) *Error {
	generation := V4
	if c.config.Generation == V2 || !c.config.Auth.takenBy(V4) {
		generation = V2
	}
	if _, err := c.env(ctx, generation, c.config.Settings.HomeRest); err != nil {
		return asError(err)
	}
	return nil
}
