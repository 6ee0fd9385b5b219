package main

import (
	"context"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// mostLooks is how many reads may be spent on a create of unknown outcome.
const mostLooks = 2

// lostCreate is an answer to a create that does not tell what became of it.
type lostCreate struct {
	name   string
	action emulator.Action
	// applied says that upstream made the records, hidden that its lists do not
	// show them.
	applied, hidden bool
	// reason is what callers are told; empty = the records, which were found.
	reason string
}

// failedCreates are creates that upstream answers by 5xx, some of them after it
// made the records.
func failedCreates() []lostCreate {
	const unknown = "WRITE_OUTCOME_UNKNOWN"
	var cases []lostCreate
	for _, status := range outageStatuses {
		name := fmt.Sprintf("status %d", status)
		cases = append(cases,
			lostCreate{name + " after the write", emulator.Action{Status: status, Apply: true}, true, false, ""},
			lostCreate{name + " before the write", emulator.Action{Status: status}, false, false, unknown},
			lostCreate{name + ", the record not in lists yet", emulator.Action{Status: status, Apply: true}, true, true, unknown},
		)
	}
	return cases
}

// cutCreates are creates whose 200 is no answer.
func cutCreates() []lostCreate {
	const lost = "WRITE_APPLIED_RESPONSE_LOST"
	some := 12
	var cases []lostCreate
	for name, action := range map[string]emulator.Action{
		"cut":         {Cut: &some},
		"noise":       {Garbled: true},
		"half a text": {Body: `{"_embedded":{"items":[{"i`, Apply: true},
		"a page":      {HTML: true, Apply: true},
		"nothing":     {Empty: true, Apply: true},
	} {
		cases = append(cases,
			lostCreate{name, action, true, false, ""},
			lostCreate{name + ", the record not in lists yet", action, true, true, lost},
		)
	}
	return cases
}

// lostCreates makes customers, one by one and in a batch, and loses the answers.
// Each case has an account of its own: a loss makes the next batches smaller.
func lostCreates(ctx context.Context, cases []lostCreate) (string, error) {
	unknown, most := 0, int64(0)
	for _, c := range cases {
		if c.reason != "" {
			unknown++
		}
		for _, size := range []int{0, 1, 3} {
			if _, err := onBothInBubble(ctx, bubbleConfig{stackConfig: stackConfig{emulated: emptyAccount}}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
				if size == 0 {
					return "", s.lostCreateREST(ctx, api, c)
				}
				looks, err := s.lostCreate(ctx, api, c, size)
				most = max(most, looks)
				return "", err
			}); err != nil {
				return "", fmt.Errorf("%s, %d items: %w", c.name, size, err)
			}
		}
	}
	return fmt.Sprintf("%d found, %d UNKNOWN, each sent once, %d reads at most", len(cases)-unknown, unknown, most), nil
}

// lost has upstream lose the answers to creates.
func (s *bubbleStack) lost(api upstreamAPI, c lostCreate) error {
	rules := []emulator.Rule{{Match: emulator.Match{Operation: api.create}, Action: c.action}}
	if c.hidden {
		rules = append(rules, emulator.Rule{Match: emulator.Match{Operation: api.list}, Action: emulator.Action{Empty: true}})
	}
	return s.script(rules...)
}

// lostCreate makes customers in one request and returns how many reads followed
// it.
func (s *bubbleStack) lostCreate(ctx context.Context, api upstreamAPI, c lostCreate, size int) (looks int64, err error) {
	if err := s.lost(api, c); err != nil {
		return 0, err
	}
	requests := newCustomers(size)
	stored, writes, reads := s.emulator.CountCustomers(), s.requests(api.create), s.requests(api.list)
	results, err := s.create(ctx, requests)
	if err != nil {
		return 0, err
	}
	for i, result := range results {
		if c.reason != "" {
			if err := itemFailure(result).want(codes.Unknown, c.reason); err != nil {
				return 0, fmt.Errorf("item %d: %w", i, err)
			}
			continue
		}
		if f := itemFailure(result); f.code != codes.OK {
			return 0, fmt.Errorf("item %d: %s", i, f)
		}
		row, ok := s.emulator.Customer(result.GetCustomer().GetId())
		if want := requests[i].GetCustomer().GetName(); !ok || row.Name != want {
			return 0, fmt.Errorf("item %d got the id of %q, not of %q", i, row.Name, want)
		}
	}
	want := 0
	if c.applied {
		want = size
	}
	looks = s.requests(api.list) - reads
	switch made, sent := s.emulator.CountCustomers()-stored, s.requests(api.create)-writes; {
	case made != want:
		return 0, fmt.Errorf("%d customers were made", made)
	case sent != 1:
		return 0, fmt.Errorf("it was sent %d times", sent)
	case looks > mostLooks:
		return 0, fmt.Errorf("%d reads followed it", looks)
	}
	return looks, nil
}

// lostCreateREST is lostCreate over REST, for what stays unknown: clients repeat
// a 5xx, so it must be none.
func (s *bubbleStack) lostCreateREST(ctx context.Context, api upstreamAPI, c lostCreate) error {
	if c.reason == "" {
		return nil
	}
	if err := s.lost(api, c); err != nil {
		return err
	}
	body, err := protojson.Marshal(&amogatev1.Customer{Name: "Rose", NextPurchaseTime: due})
	if err != nil {
		return fmt.Errorf("encode customer: %w", err)
	}
	return s.wantREST(ctx, http.MethodPost, "/v1/customers", string(body), http.StatusConflict, failure{code: codes.Unknown, reason: c.reason})
}
