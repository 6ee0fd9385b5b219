package amo

import (
	"context"
	"time"
)

// Identity is which account of upstream's a client reads and writes.
type Identity struct {
	// ID is upstream's number of the account, which outlives its name.
	ID int64
}

// Identify reads the account anew, over generation v4 where the credentials and
// the configuration allow it. It is how credentials are tried.
func (c *Client) Identify(ctx context.Context) (Identity, error) {
	generation := V4
	if c.config.Generation == V2 || !c.config.Auth.takenBy(V4) {
		generation = V2
	}
	env, err := c.env(ctx, generation, 0)
	if err != nil {
		return Identity{}, err
	}
	return Identity{ID: env.AccountID}, nil
}

// ClockOffset returns upstream's clock minus ours, as the last answer showed it;
// 0 for less than what truncation and latency explain.
func (c *Client) ClockOffset() time.Duration { return time.Duration(c.skew.Load()) }

// LastSuccess returns when upstream last answered a request of this client with
// success; the zero time before.
func (c *Client) LastSuccess() time.Time {
	if nanos := c.succeeded.Load(); nanos != 0 {
		return time.Unix(0, nanos)
	}
	return time.Time{}
}

// noteSuccess takes the moment of an answer into account.
func (c *Client) noteSuccess(status int) {
	if status >= 200 && status < 300 {
		c.succeeded.Store(time.Now().UnixNano())
	}
}
