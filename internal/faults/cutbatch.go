package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
)

// cutBatch makes a batch that takes longer than its deadline: upstream answers
// each call after a while.
func cutBatch(ctx context.Context, items int, deadline time.Duration) (string, error) {
	const latency = 2 * time.Second
	config := bubbleConfig{stackConfig: stackConfig{emulated: func(c *emulator.Config) { c.Customers, c.Latency = 0, latency }}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		requests := newCustomers(items)
		// The account is known, and how long a call takes.
		if _, err := s.create(ctx, newCustomers(1)); err != nil {
			return "", err
		}
		before := s.emulator.CountCustomers()
		short, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		results, err := s.create(short, requests)
		if err != nil {
			return "", err
		}
		made, unsent := 0, 0
		for i, r := range results {
			switch f := itemFailure(r); {
			case f.code == codes.OK:
				made++
			case f.want(codes.Aborted, "NOT_ATTEMPTED") == nil:
				unsent++
			default:
				return "", fmt.Errorf("item %d: %s", i, f)
			}
		}
		time.Sleep(time.Minute) // what is on its way arrives
		switch stored := s.emulator.CountCustomers() - before; {
		case made == 0 || unsent == 0:
			return "", errors.New("the deadline is not in the middle of the batch")
		case stored != made:
			return "", fmt.Errorf("upstream has %d customers of %d that were told", stored, made)
		}
		return fmt.Sprintf("%d made, %d not attempted", made, unsent), nil
	})
}
