package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

// upstreamAPI is a generation of the upstream API as faults see it.
type upstreamAPI struct {
	generation amo.Generation
	// list and create are the operations of customers, key is where the answer
	// to either has its rows.
	list, create, key string
	// page is in the query of the page behind so many rows.
	page func(offset, size int) string
	// size is in the query of a page of at most so many rows, largest the most.
	size    func(rows int) string
	largest int
}

var upstreamAPIs = []upstreamAPI{
	{
		generation: amo.V2, list: emulator.OpCustomersList, create: emulator.OpCustomersWrite, key: "items",
		page: func(offset, _ int) string { return fmt.Sprintf("limit_offset=%d&", offset) },
		size: func(rows int) string { return fmt.Sprintf("limit_rows=%d", rows) }, largest: 500,
	},
	{
		generation: amo.V4, list: emulator.OpV4CustomersList, create: emulator.OpV4CustomersCreate, key: "customers",
		page: func(offset, size int) string { return fmt.Sprintf("page=%d", offset/size+1) },
		size: func(rows int) string { return fmt.Sprintf("limit=%d", rows) }, largest: 250,
	},
}

// answer is the body of an answer with these rows.
func (a upstreamAPI) answer(rows ...string) string {
	return `{"_links":{"self":{"href":"/","method":"get"}},"_embedded":{"` + a.key + `":[` + strings.Join(rows, ",") + `]}}`
}

// onBoth runs a row over each generation of the upstream API, on stacks of its
// own, and returns what it measured over each.
func onBoth(ctx context.Context, config stackConfig, row func(*stack, upstreamAPI) (string, error)) (string, error) {
	var measured []string
	for _, api := range upstreamAPIs {
		config.generation = api.generation
		text, err := onStack(ctx, config, func(s *stack) (string, error) { return row(s, api) })
		if err != nil {
			return "", fmt.Errorf("%s: %w", api.generation, err)
		}
		measured = append(measured, api.generation.String()+" "+text)
	}
	return strings.Join(measured, "; "), nil
}

// script replaces the fault rules of the account.
func (s *stack) script(rules ...emulator.Rule) error {
	s.emulator.ClearFaults()
	return s.emulator.Script(rules...)
}

// requests is how many requests of an operation upstream has seen.
func (s *stack) requests(operation string) int64 { return s.emulator.Stats().ByOperation[operation] }
