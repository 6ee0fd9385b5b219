package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	// timedOutItems is how many customers the batch has, timedOutWrite the number of
	// its write that upstream answers 504.
	timedOutItems = 500
	timedOutWrite = 2
)

// timedOutBatch makes customers in a batch of which upstream answers a write 504
// after it made them, for every way in which they are looked for: lists show them,
// or do not yet. The next write may have one item for so many of that one.
func timedOutBatch(ctx context.Context, ways []listWay, share int) (string, error) {
	var measured []string
	for _, way := range ways {
		for _, hidden := range []bool{false, true} {
			for _, overREST := range unlessWatched([]bool{true, false}, []bool{hidden}) {
				text, err := timedOutBatchIn(ctx, way, hidden, overREST, share)
				if err != nil {
					return "", fmt.Errorf("%s, not in lists yet: %v, over REST: %v: %w", way.name, hidden, overREST, err)
				}
				if !overREST {
					measured = append(measured, way.name+" "+text)
				}
			}
		}
	}
	return strings.Join(measured, "; "), nil
}

func timedOutBatchIn(ctx context.Context, way listWay, hidden, overREST bool, share int) (string, error) {
	writes := &writeWatch{}
	config := bubbleConfig{stackConfig: stackConfig{
		generation: way.api.generation, transport: writes.inFront,
		emulated: func(c *emulator.Config) { c.Customers, c.FiltersOff = 0, !way.filters },
	}}
	return inBubbleStack(ctx, config, func(ctx context.Context, s *bubbleStack) (string, error) {
		rules := []emulator.Rule{{
			Match:  emulator.Match{Operation: way.api.create, Nth: timedOutWrite},
			Action: emulator.Action{Status: http.StatusGatewayTimeout, HTML: true, Apply: true},
		}}
		if hidden {
			rules = append(rules, emulator.Rule{Match: emulator.Match{Operation: way.api.list}, Action: emulator.Action{Empty: true}})
		}
		if err := s.script(rules...); err != nil {
			return "", err
		}
		requests := newCustomers(timedOutItems)
		create := s.create
		if overREST {
			create = s.createREST
		}
		results, err := create(ctx, requests)
		if err != nil {
			return "", err
		}
		if len(writes.names) <= timedOutWrite {
			return "", errors.New("the 504 was not in the middle of the batch")
		}
		lost, next := writes.names[timedOutWrite-1], writes.names[timedOutWrite]
		unknown := 0
		for i, result := range results {
			name := requests[i].GetCustomer().GetName()
			if hidden && slices.Contains(lost, name) {
				unknown++
				if err := itemFailure(result).want(codes.Unknown, "WRITE_OUTCOME_UNKNOWN"); err != nil {
					return "", fmt.Errorf("item %d: %w", i, err)
				}
				continue
			}
			if f := itemFailure(result); f.code != codes.OK {
				return "", fmt.Errorf("item %d: %s", i, f)
			}
			if row, ok := s.emulator.Customer(result.GetCustomer().GetId()); !ok || row.Name != name {
				return "", fmt.Errorf("item %d got the id of %q, not of %q", i, row.Name, name)
			}
		}
		looks := s.requests(way.api.list)
		switch made, names := s.emulator.CountCustomers(), len(s.emulator.CustomersByName()); {
		case made != timedOutItems || names != made:
			return "", fmt.Errorf("%d customers with %d names were made", made, names)
		case len(next)*share > len(lost):
			return "", fmt.Errorf("the next write has %d items, behind one of %d", len(next), len(lost))
		case looks > mostLooks:
			return "", fmt.Errorf("%d reads followed it", looks)
		}
		return fmt.Sprintf("%d OK and %d UNKNOWN, %d items in a write and then %d, %d reads", timedOutItems-unknown, unknown, len(lost), len(next), looks), nil
	})
}

// createREST is create over REST.
func (s *bubbleStack) createREST(ctx context.Context, requests []*amogatev1.CreateCustomerRequest) ([]*amogatev1.CustomerResult, error) {
	body, err := protojson.Marshal(&amogatev1.BatchCreateCustomersRequest{Requests: requests})
	if err != nil {
		return nil, fmt.Errorf("encode batch: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, restRoot+"/v1/customers:batchCreate", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := s.replicas[0].http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	got := &amogatev1.BatchCreateCustomersResponse{}
	if err := protojson.Unmarshal(text, got); err != nil {
		return nil, fmt.Errorf("create: status %d: %w", resp.StatusCode, err)
	}
	if len(got.GetResults()) != len(requests) {
		return nil, fmt.Errorf("create: %d results for %d items", len(got.GetResults()), len(requests))
	}
	return got.GetResults(), nil
}

// writeWatch is a transport that notes what the writes of customers have.
type writeWatch struct {
	next http.RoundTripper

	mu sync.Mutex
	// names are those of the customers in each write.
	names [][]string
}

func (w *writeWatch) inFront(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

// newName finds the names of newCustomers.
var newName = regexp.MustCompile(`Customer \d+`)

// RoundTrip implements http.RoundTripper.
func (w *writeWatch) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/customers") {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.names = append(w.names, newName.FindAllString(string(body), -1))
		w.mu.Unlock()
	}
	return w.next.RoundTrip(req)
}
