package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	// pageRows is the page size of the rows about pages.
	pageRows = 50
	// aheadPages is the most pages that a list asks for before it knows that
	// there are any, and endPages the empty ones that it takes for its end.
	aheadPages = 6
	endPages   = 2
)

// pagingFault is what upstream does wrong in the pages of a list.
type pagingFault struct {
	// customers are sizes of the account.
	customers []int
	next      emulator.NextLinks
	// rules are in force anew for every list.
	rules func(upstreamAPI) []emulator.Rule
}

// The faults of pages. Five pages of 50 are full in 250 rows, four in 230.
var (
	nothingFound     = pagingFault{customers: []int{0, 2 * pageRows}}
	nothingAnnounced = pagingFault{customers: []int{230, 250}, next: emulator.NextNever}
	alwaysAnnounced  = pagingFault{customers: []int{230, 250}, next: emulator.NextAlways}
	emptyOnce        = pagingFault{customers: []int{230}, rules: func(api upstreamAPI) []emulator.Rule {
		return []emulator.Rule{{
			Match:  emulator.Match{Operation: api.list, Query: api.page(2*pageRows, pageRows), Nth: 1},
			Action: emulator.Action{Empty: true},
		}}
	}}
)

// listWhole lists accounts over gRPC and REST and compares the rows with those
// upstream has.
func listWhole(ctx context.Context, fault pagingFault) (string, error) {
	var measured []string
	for _, customers := range fault.customers {
		config := bubbleConfig{stackConfig: stackConfig{pageSize: pageRows, emulated: func(c *emulator.Config) {
			c.Customers, c.NextLinks = customers, fault.next
		}}}
		text, err := onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
			return s.listWhole(ctx, fault, api)
		})
		if err != nil {
			return "", fmt.Errorf("%d rows: %w", customers, err)
		}
		measured = append(measured, fmt.Sprintf("%d rows: %s", customers, text))
	}
	return strings.Join(measured, "; "), nil
}

func (s *bubbleStack) listWhole(ctx context.Context, fault pagingFault, api upstreamAPI) (string, error) {
	want := make([]int64, 0)
	for c := range s.emulator.Customers() {
		want = append(want, c.ID)
	}
	slices.Sort(want)
	var most int64
	for _, over := range []struct {
		transport string
		list      func() (*listed, error)
	}{
		{"gRPC", func() (*listed, error) { return list(ctx, s.conn, "", nil) }},
		{"REST", func() (*listed, error) { return listRESTBy(ctx, s.replicas[0].http, restRoot, "") }},
	} {
		if fault.rules != nil {
			if err := s.script(fault.rules(api)...); err != nil {
				return "", err
			}
		}
		before := s.requests(api.list)
		got, err := over.list()
		if err != nil {
			return "", fmt.Errorf("%s: %w", over.transport, err)
		}
		took := s.requests(api.list) - before
		slices.Sort(got.ids)
		switch {
		case !got.ended:
			return "", fmt.Errorf("%s: the list broke off with %s behind %d rows", over.transport, got.failed, len(got.ids))
		case !slices.Equal(got.ids, want):
			return "", fmt.Errorf("%s: %d rows came, not the %d there are", over.transport, len(got.ids), len(want))
		case took > int64((len(want)+pageRows-1)/pageRows+aheadPages+endPages):
			return "", fmt.Errorf("%s: %d requests for %d rows", over.transport, took, len(want))
		}
		most = max(most, took)
	}
	s.emulator.ClearFaults()
	page, err := s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 500})
	if err != nil {
		return "", fmt.Errorf("list a page: %w", err)
	}
	if len(want) == 0 && (len(page.GetCustomers()) != 0 || page.GetNextPageToken() != "") {
		return "", fmt.Errorf("a page of nothing has %d rows and the token %q", len(page.GetCustomers()), page.GetNextPageToken())
	}
	return fmt.Sprintf("in %d requests", most), nil
}
