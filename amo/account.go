package amo

import (
	"context"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	"github.com/amogate/amogate/amo/limit"
)

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

// account returns what the codecs of a generation have to know of the account: its
// time zone, currency and custom fields, as they were read last.
func (c *Client) account(ctx context.Context, generation Generation) (*driver.Env, error) {
	return c.env(ctx, generation, c.config.Settings.AccountLife)
}

// env is account with an age of the caller's own.
func (c *Client) env(ctx context.Context, generation Generation, age time.Duration) (*driver.Env, error) {
	return c.accounts[generation].get(ctx, c, age, func(ctx context.Context) (*driver.Env, error) {
		return c.readAccount(ctx, generation)
	})
}

func (c *Client) readAccount(ctx context.Context, generation Generation) (*driver.Env, error) {
	reader := accountReaders[generation]
	var env *driver.Env
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
	return env, err
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
