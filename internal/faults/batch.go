package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// due is when the customers of these rows buy next, which accounts with
// periodicity require.
var due = timestamppb.New(timestamppb.Now().AsTime().Truncate(1e9).AddDate(0, 1, 0))

// newCustomers returns n new customers with names of their own.
func newCustomers(n int) []*amogatev1.CreateCustomerRequest {
	requests := make([]*amogatev1.CreateCustomerRequest, n)
	for i := range requests {
		requests[i] = &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{
			Name: "Customer " + strconv.Itoa(i), NextPurchaseTime: due,
		}}
	}
	return requests
}

// create makes customers in one batch.
func (s *stack) create(ctx context.Context, requests []*amogatev1.CreateCustomerRequest) ([]*amogatev1.CustomerResult, error) {
	got, err := s.customers.BatchCreateCustomers(ctx, &amogatev1.BatchCreateCustomersRequest{Requests: requests})
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if len(got.GetResults()) != len(requests) {
		return nil, fmt.Errorf("create: %d results for %d items", len(got.GetResults()), len(requests))
	}
	return got.GetResults(), nil
}

// itemFailure is what became of an item that failed; its code is OK when the
// item did not.
func itemFailure(result *amogatev1.CustomerResult) failure {
	return failureOfStatus(status.FromProto(result.GetError()))
}

// emptyAccount makes an account without customers.
func emptyAccount(c *emulator.Config) { c.Customers = 0 }

// badItems are the items of the batch that upstream refuses.
var badItems = []int{17, 100, 101}

const (
	// deactivated is a user that upstream gives nothing to.
	deactivated = 7204899
	batchSize   = 250
	// callSize is how many items go into one call of API v4; v2 takes them all.
	callSize = 50
	// halvings is the least n with 2ⁿ ≥ batchSize.
	halvings = 8
	poisoned = "poisoned"
)

// batchRefused creates a batch of which upstream refuses some items, and with
// them the whole request. API v4 names them, v2 does not.
func batchRefused(ctx context.Context, want []int) (string, error) {
	config := stackConfig{emulated: func(c *emulator.Config) {
		c.Customers, c.DeactivatedUsers = 0, []int64{deactivated}
	}}
	return onBoth(ctx, config, func(s *stack, api upstreamAPI) (string, error) {
		requests := newCustomers(batchSize)
		for _, i := range badItems {
			c := requests[i].GetCustomer()
			if api.generation == amo.V4 {
				c.ResponsibleUserId = proto.Int64(deactivated)
			} else {
				c.Name = poisoned
			}
		}
		if err := s.script(emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersWrite, Body: poisoned},
			Action: emulator.Action{Status: http.StatusBadRequest},
		}); err != nil {
			return "", err
		}
		results, err := s.create(ctx, requests)
		if err != nil {
			return "", err
		}
		var bad []int
		for i, r := range results {
			f := itemFailure(r)
			if f.code == codes.OK {
				stored, ok := s.emulator.Customer(r.GetCustomer().GetId())
				if want := requests[i].GetCustomer().GetName(); !ok || stored.Name != want {
					return "", fmt.Errorf("item %d got the id of %q, not of %q", i, stored.Name, want)
				}
				continue
			}
			bad = append(bad, i)
			if err := f.want(codes.InvalidArgument, "UPSTREAM_VALIDATION"); err != nil {
				return "", fmt.Errorf("item %d: %w", i, err)
			}
		}
		calls := s.requests(api.create)
		bound := int64(1 + 2*halvings*len(badItems))
		if api.generation == amo.V4 {
			bound = int64(batchSize/callSize + len(badItems))
		}
		switch stored := s.emulator.CountCustomers(); {
		case !slices.Equal(bad, want):
			return "", fmt.Errorf("items %v failed, want %v", bad, want)
		case stored != batchSize-len(badItems):
			return "", fmt.Errorf("%d customers are stored, want %d", stored, batchSize-len(badItems))
		case calls > bound:
			return "", fmt.Errorf("%d calls, want at most %d", calls, bound)
		}
		return fmt.Sprintf("in %d calls", calls), nil
	})
}

// answeredItems are the items of a batch of three that an answer tells of, each
// case a list; the others have to be UNKNOWN where lists do not show them.
var answeredItems = [][]int{{1}, {0, 2}, {}}

// fewerItems creates batches whose answers leave items out, which lists do not show
// yet; and one that lists show, of which all items are found.
func fewerItems(ctx context.Context, told [][]int) (string, error) {
	return onBothInBubble(ctx, bubbleConfig{stackConfig: stackConfig{emulated: emptyAccount}}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		unknown := 0
		for k, answered := range answeredItems {
			var rows []string
			for _, i := range answered {
				rows = append(rows, fmt.Sprintf(`{"id":%d,"request_id":"%d"}`, 900+i, i+1))
			}
			if err := s.script(emulator.Rule{
				Match:  emulator.Match{Operation: api.create},
				Action: emulator.Action{Body: api.answer(rows...), Apply: true},
			}, emulator.Rule{Match: emulator.Match{Operation: api.list}, Action: emulator.Action{Empty: true}}); err != nil {
				return "", err
			}
			before := s.requests(api.create)
			results, err := s.create(ctx, newCustomers(3))
			if err != nil {
				return "", err
			}
			for i, r := range results {
				if slices.Contains(told[k], i) {
					if got := r.GetCustomer().GetId(); got != int64(900+i) {
						return "", fmt.Errorf("answer %v: item %d has the id %d and failed with %s", answered, i, got, itemFailure(r))
					}
					continue
				}
				if err := itemFailure(r).want(codes.Unknown, "WRITE_APPLIED_RESPONSE_LOST"); err != nil {
					return "", fmt.Errorf("answer %v: item %d: %w", answered, i, err)
				}
				unknown++
			}
			if calls := s.requests(api.create) - before; calls != 1 {
				return "", fmt.Errorf("answer %v: the batch was sent %d times", answered, calls)
			}
		}
		found, err := s.findLeftOut(ctx, api)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d of %d items UNKNOWN, %d of %d that lists show found, each batch sent once", unknown, 3*len(answeredItems), found, found), nil
	})
}

// findLeftOut creates a batch whose answer tells of no item and returns how many
// were found.
func (s *stack) findLeftOut(ctx context.Context, api upstreamAPI) (int, error) {
	if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.create}, Action: emulator.Action{Body: api.answer(), Apply: true}}); err != nil {
		return 0, err
	}
	requests := newCustomers(3)
	for _, r := range requests {
		r.Customer.Name += " that lists show"
	}
	results, err := s.create(ctx, requests)
	if err != nil {
		return 0, err
	}
	for i, r := range results {
		want := requests[i].GetCustomer().GetName()
		if stored, ok := s.emulator.Customer(r.GetCustomer().GetId()); !ok || stored.Name != want {
			return 0, fmt.Errorf("item %d has the id of %q, want %q; it failed with %s", i, stored.Name, want, itemFailure(r))
		}
	}
	return len(results), nil
}

// refusedField is where the callers find what upstream refuses below
// custom_fields_values.0.values.0.value.
const refusedField = "customer.custom_fields[0]"

// refusedFields has upstream refuse values. API v4 names them by paths; v2 knows
// no such body and tells errors beside the items.
func refusedFields(ctx context.Context, want string) (string, error) {
	return onBoth(ctx, stackConfig{emulated: emptyAccount}, func(s *stack, api upstreamAPI) (string, error) {
		if api.generation == amo.V2 {
			return s.refusedBeside(ctx)
		}
		body := func(status int, requestID string) string {
			return fmt.Sprintf(`{"validation-errors":[{"request_id":%q,"errors":[{"code":"FieldInvalid","path":"custom_fields_values.0.values.0.value","detail":"This value is not valid."}]}],`+
				`"title":"Bad Request","type":"https://httpstatus.es/%[2]d","status":%[2]d,"detail":"Request validation failed"}`, requestID, status)
		}
		for _, code := range []int{http.StatusBadRequest, http.StatusUnprocessableEntity} {
			one := newCustomers(1)[0]
			one.GetCustomer().CustomFields = []*amogatev1.CustomField{{FieldId: 1250001, Value: &amogatev1.CustomField_Text{Text: "x"}}}
			if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.create}, Action: emulator.Action{Status: code, Body: body(code, "1")}}); err != nil {
				return "", err
			}
			_, err := s.customers.CreateCustomer(ctx, one)
			f := failureOf(err)
			if err := f.want(codes.InvalidArgument, "UPSTREAM_VALIDATION"); err != nil {
				return "", fmt.Errorf("status %d: %w", code, err)
			}
			if len(f.fields) != 1 || !strings.HasPrefix(f.fields[0], want) {
				return "", fmt.Errorf("status %d: got violations of %q, want one of %s", code, f.fields, want)
			}
			// The second of three; what is left is written.
			if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.create, Nth: 1}, Action: emulator.Action{Status: code, Body: body(code, "2")}}); err != nil {
				return "", err
			}
			results, err := s.create(ctx, newCustomers(3))
			if err != nil {
				return "", err
			}
			if err := secondRefused(results); err != nil {
				return "", fmt.Errorf("status %d: %w", code, err)
			}
		}
		return "the field by 400 and 422, the item in a batch", nil
	})
}

// refusedBeside creates a batch whose second item v2 refuses beside the others.
func (s *stack) refusedBeside(ctx context.Context) (string, error) {
	requests := newCustomers(3)
	requests[1].Customer.NextPurchaseTime = nil
	results, err := s.create(ctx, requests)
	if err != nil {
		return "", err
	}
	if err := secondRefused(results); err != nil {
		return "", err
	}
	return "the item in a batch", nil
}

// secondRefused returns an error unless upstream refused the second of three
// items and wrote the others.
func secondRefused(results []*amogatev1.CustomerResult) error {
	for i, r := range results {
		f := itemFailure(r)
		if i == 1 {
			if err := f.want(codes.InvalidArgument, "UPSTREAM_VALIDATION"); err != nil {
				return fmt.Errorf("item 1: %w", err)
			}
			continue
		}
		if f.code != codes.OK {
			return fmt.Errorf("item %d: %s", i, f)
		}
		if r.GetCustomer().GetId() == 0 {
			return errors.New("a written item has no id")
		}
	}
	return nil
}
