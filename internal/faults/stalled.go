package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// stalledRows is the size of the account whose reader stalls.
const stalledRows = 10_000

// stalled has a reader take a few rows and then none for longer than the bound,
// while another one reads another account of the process to its end.
func stalled(ctx context.Context, buffered int, patience time.Duration) (string, error) {
	if got := settings.Default().StreamStall; got != patience {
		return "", fmt.Errorf("a reader counts as stalled after %s, want %s", got, patience)
	}
	config := bubbleConfig{others: []string{"other"}, stackConfig: stackConfig{emulated: func(c *emulator.Config) { c.Customers = stalledRows }}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		begun := time.Now()
		if _, err := list(onAccount(ctx, "other"), s.conn, "", nil); err != nil {
			return "", err
		}
		alone := time.Since(begun)
		stream, err := s.customers.ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
		if err != nil {
			return "", err
		}
		first, err := stream.Recv()
		if err != nil {
			return "", err
		}
		begun = time.Now()
		if _, err := list(onAccount(ctx, "other"), s.conn, "", nil); err != nil {
			return "", err
		}
		if beside := time.Since(begun); beside > alone*105/100 {
			return "", fmt.Errorf("another list took %s, and %s alone", beside, alone)
		}
		time.Sleep(2 * patience)
		pages := s.requests(api.list)
		got := newListed()
		take := func(msg *amogatev1.ListCustomersResponse) {
			c := msg.GetCustomer()
			got.add(c.GetId(), version{c.GetName(), c.GetUpdateTime().GetSeconds()}, msg.GetResumeToken())
		}
		for take(first); ; {
			msg, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return "", errors.New("the list came to its end")
			}
			if err != nil {
				got.failed = failureOf(err)
				break
			}
			take(msg)
		}
		if err := got.failed.want(codes.DeadlineExceeded, "STREAM_STALLED"); err != nil {
			return "", err
		}
		read := (len(got.ids) + api.largest - 1) / api.largest
		if held := int(pages) - read; held > buffered {
			return "", fmt.Errorf("%d pages were asked for, %d rows arrived: %d pages more", pages, len(got.ids), held)
		}
		rows := len(got.ids)
		if err := got.read(ctx, s.conn, got.token, nil); err != nil {
			return "", err
		}
		if len(got.copy) != stalledRows || !got.ended {
			return "", fmt.Errorf("resumed: %d rows of %d, failed %s", len(got.copy), stalledRows, got.failed)
		}
		return fmt.Sprintf("%d pages asked for, %d rows on the way, resumed", pages, rows), nil
	})
}
