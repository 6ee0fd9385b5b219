package main

import (
	"context"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// nowhere is an id that no record has.
const nowhere = 4_000_000_000

// single is a read of one record.
type single struct {
	name string
	// path is that of REST.
	path string
	call func(context.Context, *bubbleStack) error
	// operation is what upstream is asked for over each generation.
	operation map[amo.Generation]string
}

// singles are the reads of one record that does not exist.
var singles = []single{
	{
		"customer", fmt.Sprintf("/v1/customers/%d", int64(nowhere)),
		func(ctx context.Context, s *bubbleStack) error {
			_, err := s.customers.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: nowhere})
			return err
		},
		map[amo.Generation]string{amo.V2: emulator.OpCustomersList, amo.V4: emulator.OpV4CustomersGet},
	},
	{
		"transaction", fmt.Sprintf("/v1/transactions/%d", int64(nowhere)),
		func(ctx context.Context, s *bubbleStack) error {
			_, err := amogatev1.NewTransactionServiceClient(s.conn).GetTransaction(ctx, &amogatev1.GetTransactionRequest{Id: nowhere})
			return err
		},
		map[amo.Generation]string{amo.V2: emulator.OpTransactionsList, amo.V4: emulator.OpV4TransactionsGet},
	},
	{
		"note", fmt.Sprintf("/v1/contacts/5/notes/%d", int64(nowhere)),
		func(ctx context.Context, s *bubbleStack) error {
			_, err := amogatev1.NewNoteServiceClient(s.conn).GetNote(ctx, &amogatev1.GetNoteRequest{
				Id: nowhere, Parent: &amogatev1.GetNoteRequest_ContactId{ContactId: 5},
			})
			return err
		},
		map[amo.Generation]string{amo.V2: emulator.OpNotesList, amo.V4: emulator.OpV4NotesGet},
	},
}

// missingAnswer is a way in which upstream says that a record is missing.
type missingAnswer struct {
	// status is that of the answer; 0 = the emulator's own.
	status int
	// v4Only says that v2 does not answer so: none of its paths names a record.
	v4Only bool
}

var missingAnswers = []missingAnswer{{}, {status: http.StatusNoContent}, {status: http.StatusNotFound, v4Only: true}}

// missing reads single records that upstream does not have.
func missing(ctx context.Context, answers []missingAnswer) (string, error) {
	want := failure{code: codes.NotFound, reason: "UPSTREAM_NOT_FOUND"}
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		calls := 0
		for _, one := range singles {
			operation := one.operation[api.generation]
			for _, answer := range answers {
				if answer.v4Only && api.generation != amo.V4 {
					continue
				}
				s.emulator.ClearFaults()
				if answer.status != 0 {
					if err := s.script(emulator.Rule{Match: emulator.Match{Operation: operation}, Action: emulator.Action{Status: answer.status}}); err != nil {
						return "", err
					}
				}
				before := s.requests(operation)
				err := failureOf(one.call(ctx, s)).want(want.code, want.reason)
				if err == nil {
					err = s.wantREST(ctx, http.MethodGet, one.path, "", http.StatusNotFound, want)
				}
				if err != nil {
					return "", fmt.Errorf("%s, answer %d: %w", one.name, answer.status, err)
				}
				calls += 2
				if took := s.requests(operation) - before; took != 2 {
					return "", fmt.Errorf("%s: %d requests for 2 calls", one.name, took)
				}
			}
		}
		return fmt.Sprintf("%d calls, a request each", calls), nil
	})
}
