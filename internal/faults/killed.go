package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// killedInList kills the process that sends a list while others change customers,
// and reads the rest from another one, which shares nothing with it. At most so
// many rows may come again though they are as they were.
func (x *executable) killedInList(ctx context.Context, rows, again int) (measured string, err error) {
	account, err := emulator.New(emulator.Config{Customers: rows, Window: -1, Strict: true})
	if err != nil {
		return "", err
	}
	upstream := httptest.NewServer(account)
	defer upstream.Close()
	if err := account.Mutate(emulator.Mutation{Updates: 20, Inserts: 2, Deletes: 1}); err != nil {
		return "", err
	}
	got := newListed()
	begin := func(token string, each func(*listed, *child)) error {
		c, err := x.serve(ctx, []string{"AMOGATE_ACCOUNT_TOKEN=" + emulator.DefaultToken},
			[]string{"--account-url=" + upstream.URL, "--allow-insecure-upstream"})
		if err != nil {
			return err
		}
		defer c.kill()
		conn, err := dial(c.grpc)
		if err != nil {
			return err
		}
		defer conn.Close() //nolint:errcheck // its process is over
		return got.read(ctx, conn, token, func(l *listed) { each(l, c) })
	}
	if err := begin("", func(l *listed, c *child) {
		if len(l.ids) == rows/4 {
			c.kill()
		}
	}); err != nil {
		return "", err
	}
	cut := len(got.ids)
	if got.ended {
		return "", errors.New("the list came to its end, so that nothing was cut")
	}
	if err := begin(got.token, func(l *listed, _ *child) {
		if len(l.ids) == rows*3/4 {
			account.StopMutating() // so that there is a last state
		}
	}); err != nil {
		return "", err
	}
	source := map[int64]version{}
	for c := range account.Customers() {
		source[c.ID] = version{c.Name, c.UpdatedAt}
	}
	switch {
	case !got.ended:
		return "", fmt.Errorf("the list broke off again with %s", got.failed)
	case got.end.GetCompleteness() != amogatev1.Completeness_COMPLETENESS_WINDOWED:
		return "", fmt.Errorf("the end says %v", got.end)
	case got.unchanged > int64(again):
		return "", fmt.Errorf("%d rows came again unchanged", got.unchanged)
	case !maps.Equal(got.copy, source):
		return "", fmt.Errorf("applied in order, %d rows are not the %d there are", len(got.copy), len(source))
	}
	return fmt.Sprintf("killed behind %d rows; %d came in all, %d again, %d of those unchanged, and %d deletions", cut, len(got.ids), got.again, got.unchanged, got.deleted), nil
}
