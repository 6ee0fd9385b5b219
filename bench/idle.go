package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

const (
	// idlePause lies between two creates of an idle account, so that there always
	// is a slot.
	idlePause = 2 * slot / 5 * 3
	// mostAdded is what amogate may add to them.
	mostAdded = 2 * time.Millisecond
)

// measureIdle creates through amogate and by a plain request in turn.
func measureIdle(ctx context.Context, b *bench, out *report) (err error) {
	p, err := b.startPair(ctx, upstream{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	conn, err := dial(p.server.GRPC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	client := amogatev1.NewCustomerServiceClient(conn)
	through := func(name string) error {
		_, err := create(ctx, client, name)
		return err
	}
	plain := func(name string) error { return createPlain(ctx, p.emulator, name) }
	// The first calls make connections and read the account.
	if err := errors.Join(through("first"), plain("first")); err != nil {
		return err
	}
	var ours, theirs []time.Duration
	for n := range b.plan.pairs {
		for _, way := range []struct {
			create func(string) error
			took   *[]time.Duration
		}{{through, &ours}, {plain, &theirs}} {
			if err := pause(ctx, idlePause); err != nil {
				return err
			}
			begun := time.Now()
			if err := way.create(fmt.Sprintf("idle %d", n)); err != nil {
				return err
			}
			*way.took = append(*way.took, time.Since(begun))
		}
	}
	out.add(judgeIdle(ours, theirs))
	return nil
}

// createPlain creates a customer by net/http alone.
func createPlain(ctx context.Context, e *process.Emulator, name string) (err error) {
	body, err := json.Marshal([]map[string]any{{"name": name, "next_date": due.GetSeconds(), "next_price": 100}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.Address+"/api/v4/customers", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+e.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("a plain create: %s", resp.Status)
	}
	return nil
}

// median of none is 0.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// judgeIdle compares creates of an idle account with plain ones.
func judgeIdle(ours, plain []time.Duration) figure {
	added := median(ours) - median(plain)
	return figure{
		name:  "create while idle",
		bound: fmt.Sprintf("≤ %d ms added", mostAdded.Milliseconds()),
		reached: fmt.Sprintf("%s added, medians of %d: %s, plain %s", milliseconds(added), len(ours),
			milliseconds(median(ours)), milliseconds(median(plain))),
		verdict: within(len(ours) > 0 && added <= mostAdded),
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
