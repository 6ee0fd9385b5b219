package amo

import (
	"context"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// exchange carries out a v4 request of its own kind.
func exchange[T any](ctx context.Context, c *Client, x driver.Exchange[T]) (T, error) {
	var answer T
	env, err := c.account(ctx, V4)
	if err != nil {
		return answer, err
	}
	_, err = c.send(ctx, request{
		call:  x.Call,
		class: limit.Interactive,
		decode: func(resp driver.Response) error {
			if err := x.DecodeError(resp); err != nil {
				return err
			}
			var err error
			answer, err = x.Decode(env, resp.Body)
			return err
		},
	})
	if err != nil {
		return *new(T), c.confirm(ctx, V4, err)
	}
	return answer, nil
}
