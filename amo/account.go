package amo

import (
	"context"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
)

const (
	// accountLife is how long what is known of the account is used: time zone,
	// currency and custom fields change rarely.
	accountLife = 10 * time.Minute
	// accountRest is the least age at which a custom field that is not known
	// makes us read the account again.
	accountRest = time.Minute
)

// accountCache holds what codecs have to know of the account.
type accountCache struct {
	load flight

	mu   sync.Mutex
	env  *driver.Env
	read time.Time
}

// current returns the cached account, if it is younger than age.
func (a *accountCache) current(age time.Duration) *driver.Env {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.env == nil || time.Since(a.read) >= age {
		return nil
	}
	return a.env
}

// env returns what is known of the account, reading it first when that is older
// than age.
func (c *Client) env(ctx context.Context, age time.Duration) (*driver.Env, error) {
	if env := c.account.current(age); env != nil {
		return env, nil
	}
	err := c.account.load.do(ctx, c.life, func(ctx context.Context) error {
		if c.account.current(age) != nil {
			return nil
		}
		return c.readAccount(ctx)
	})
	if err != nil {
		return nil, err
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return c.account.env, nil
}

func (c *Client) readAccount(ctx context.Context) error {
	var env *driver.Env
	began := time.Now()
	_, err := c.send(ctx, request{
		call:  v2.AccountCall(),
		class: classInteractive,
		decode: func(r driver.Response) error {
			if err := v2.DecodeError(r); err != nil {
				return err
			}
			decoded, err := v2.DecodeAccount(r.Body)
			env = decoded
			return err
		},
	})
	if err != nil {
		return err
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	c.account.env, c.account.read = env, began
	return nil
}
