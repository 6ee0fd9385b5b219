package main

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

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
	// rules are in force while the list is read.
	rules func(upstreamAPI) []emulator.Rule
	// empty is the number of the request for a page that is answered 204, so often
	// as times says; 0 = none is.
	empty, times int
}

// The faults of pages. Five pages of 50 are full in 250 rows, four in 230.
var (
	nothingFound     = pagingFault{customers: []int{0, 2 * pageRows}}
	nothingAnnounced = pagingFault{customers: []int{230, 250}, next: emulator.NextNever}
	alwaysAnnounced  = pagingFault{customers: []int{230, 250}, next: emulator.NextAlways}
	emptyOnce        = pagingFault{customers: []int{230, 250}, empty: 3, times: 1}
	emptyTwice       = pagingFault{customers: []int{230, 250}, empty: 3, times: 2}
)

// otherSizes have upstream give pages of so many rows, whatever it is asked for,
// from the fourth request on.
func otherSizes(rows int) pagingFault {
	return pagingFault{customers: []int{630}, rules: func(api upstreamAPI) []emulator.Rule {
		return []emulator.Rule{{Match: emulator.Match{Operation: api.list, From: 4}, Action: emulator.Action{Rows: rows}}}
	}}
}

// listWhole lists accounts and compares the rows with those upstream has.
func listWhole(ctx context.Context, fault pagingFault) (string, error) {
	return listWholeBy(ctx, pageRows, fault)
}

// listWholeBy is listWhole with pages of so many rows.
func listWholeBy(ctx context.Context, size int, fault pagingFault) (string, error) {
	var parts []func(context.Context) (string, error)
	for _, customers := range fault.customers {
		config := stackConfig{pageSize: size, emulated: func(c *emulator.Config) { c.Customers, c.NextLinks = customers, fault.next }}
		parts = append(parts, func(ctx context.Context) (string, error) {
			text, err := inEveryWay(ctx, config, func(ctx context.Context, r *listRun) (string, error) { return r.listWhole(ctx, fault) })
			if err != nil {
				return "", fmt.Errorf("%d rows: %w", customers, err)
			}
			return fmt.Sprintf("%d rows: %s", customers, text), nil
		})
	}
	return inTurn(ctx, parts...)
}

func (r *listRun) listWhole(ctx context.Context, fault pagingFault) (string, error) {
	if fault.rules != nil {
		if err := r.script(fault.rules(r.way.api)...); err != nil {
			return "", err
		}
	}
	r.pages.emptyAt(fault.empty, fault.times)
	before := r.source()
	got, err := r.list(ctx)
	if err != nil {
		return "", err
	}
	took := r.requests(r.way.api.list)
	bound := int64((len(before)+pageRows-1)/pageRows + aheadPages + endPages)
	if r.way.windowed() {
		bound *= 2 // a window that is too large is one for nothing
	}
	switch {
	case !got.ended:
		return "", fmt.Errorf("the list broke off with %s behind %d rows", got.failed, len(got.ids))
	case len(got.copy) != len(before) || missingFrom(got, before, before) > 0:
		return "", fmt.Errorf("%d rows came, not the %d there are", len(got.copy), len(before))
	case got.unchanged > 0:
		return "", fmt.Errorf("%d rows came again", got.unchanged)
	case r.pages.emptied == "" && fault.times > 0:
		return "", errors.New("no page was empty")
	case took > bound:
		return "", fmt.Errorf("%d requests for %d rows", took, len(before))
	}
	r.emulator.ClearFaults()
	page, err := r.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 500})
	if err != nil {
		return "", fmt.Errorf("list a page: %w", err)
	}
	if len(before) == 0 && (len(page.GetCustomers()) != 0 || page.GetNextPageToken() != "") {
		return "", fmt.Errorf("a page of nothing has %d rows and the token %q", len(page.GetCustomers()), page.GetNextPageToken())
	}
	return fmt.Sprintf("in %d requests", took), nil
}

// loop has upstream send a page again and again while a list runs: the first one
// for every position, or each the page before. The list is to break off behind so
// many pages more, and to go on with its token once upstream is well again.
func loop(ctx context.Context, ways []listWay, extra int, again emulator.Action) (string, error) {
	return inWays(ctx, movingAccount(), ways, func(ctx context.Context, r *listRun) (string, error) {
		before := r.source()
		r.pages.at(midList, func() error {
			return r.script(emulator.Rule{Match: emulator.Match{Operation: r.way.api.list}, Action: again})
		})
		got, err := r.list(ctx)
		if err != nil {
			return "", err
		}
		if err := got.failed.want(codes.Aborted, "PAGINATION_LOOP"); err != nil {
			return "", fmt.Errorf("behind %d rows: %w", len(got.ids), err)
		}
		took, most := r.requests(r.way.api.list), int64(midList+extra+aheadPages)
		if r.way.windowed() {
			most += windowHalvings // a window that is full all the time is halved down to a second
		}
		switch rows := len(got.ids); {
		case rows > (midList-1+extra)*pageRows:
			return "", fmt.Errorf("%d rows came", rows)
		case took > most:
			return "", fmt.Errorf("%d requests", took)
		case got.token == "":
			return "", errors.New("there is no token")
		}
		rows := len(got.ids)
		r.emulator.ClearFaults()
		if err := r.goOn(ctx, got); err != nil {
			return "", err
		}
		if missing := missingFrom(got, before, before); missing > 0 || !got.ended {
			return "", fmt.Errorf("resumed: %d rows are missing, ended %v, failed %s", missing, got.ended, got.failed)
		}
		return fmt.Sprintf("ended behind %d rows and %d requests, resumed", rows, took), nil
	})
}

// crowd is how many customers share a second of change in crowdedSecond, and some
// around it do not.
var crowd = unlessWatched(5000, 1000)

const around = 120

// windowHalvings bounds how often a window is halved at each of its ends.
const windowHalvings = 64

// crowdedSecond lists an account with a second in which too many customers changed
// for a page, of which some leave it meanwhile. Upstream's lists end behind maxPages;
// 0 = they do not.
func crowdedSecond(ctx context.Context, leaving, maxPages int) (string, error) {
	config := stackConfig{emulated: func(c *emulator.Config) { c.Customers, c.MaxPages = 0, maxPages }}
	return inEveryWay(ctx, config, func(ctx context.Context, r *listRun) (string, error) {
		const second = 900_000_000
		for i := range crowd + around {
			at := int64(second)
			if i >= crowd {
				at += int64(i-crowd-around/2) * 1000
			}
			if _, err := r.emulator.AddCustomer(emulator.Customer{Name: fmt.Sprint("Customer ", i), CreatedAt: at, UpdatedAt: at}); err != nil {
				return "", err
			}
		}
		before := r.source()
		if !r.way.windowed() {
			leaving = 0 // pages of v2 move with them, those by id tell nothing of it
		}
		r.pages.at(midList, func() error {
			for _, id := range r.ids()[around : around+leaving] {
				if !r.emulator.TouchCustomer(id) {
					return fmt.Errorf("there is no customer %d", id)
				}
			}
			return nil
		})
		got, err := r.list(ctx)
		if err == nil {
			err = errors.Join(r.wantWhole(got, before), wantCounts(got))
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d rows in %d requests", len(got.ids), got.end.GetRequests()), nil
	})
}
