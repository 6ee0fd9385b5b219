package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

// movingRows is the size of the accounts that change while they are listed,
// midList the page before which they do.
const (
	movingRows = 600
	midList    = 5
)

// movingAccount is the configuration of their rows.
func movingAccount() stackConfig {
	return stackConfig{pageSize: pageRows, emulated: func(c *emulator.Config) { c.Customers = movingRows }}
}

// clockBack sets upstream's clock back while a list runs, and between a list that
// breaks off and its rest. What others change then has times that are past.
func clockBack(ctx context.Context, back time.Duration, change func(*listRun) error) (string, error) {
	return inEveryWay(ctx, movingAccount(), func(ctx context.Context, r *listRun) (string, error) {
		before := r.source()
		r.pages.at(midList, func() error { r.emulator.SetClock(-back); return change(r) })
		got, err := r.list(ctx)
		if err == nil {
			err = errors.Join(r.wantWhole(got, before), wantCounts(got))
		}
		if err != nil {
			return "", err
		}
		part, err := r.part(ctx, movingRows/2)
		if err != nil {
			return "", err
		}
		before = r.source()
		r.emulator.SetClock(-2 * back)
		if err := change(r); err != nil {
			return "", err
		}
		if err := r.goOn(ctx, part); err != nil {
			return "", err
		}
		if r.way.windowed() {
			part.unchanged = 0 // what changed since the break can have any time: all is read once more
		}
		if err := r.wantWhole(part, before); err != nil {
			return "", fmt.Errorf("resumed: %w", err)
		}
		return fmt.Sprintf("%d rows, %d of them again, in %d requests", len(got.ids), got.again, got.end.GetRequests()), nil
	})
}

// changeSome has others change some customers. Over v2 they are those that stay
// where they are on upstream's pages: nothing is promised of the others there.
func changeSome(r *listRun) error {
	ids := r.ids()
	some := ids[len(ids)-1:]
	if r.way.api.generation != amo.V2 {
		some = append([]int64{ids[0], ids[1], ids[len(ids)/2]}, ids[len(ids)-3:]...)
	}
	for _, id := range some {
		if !r.emulator.TouchCustomer(id) {
			return fmt.Errorf("there is no customer %d", id)
		}
	}
	return nil
}

// part reads so many rows of a list, which then breaks off.
func (r *listRun) part(ctx context.Context, rows int) (*listed, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	got, err := list(ctx, r.conn, "", func(l *listed) {
		if len(l.ids) == rows {
			cancel()
		}
	})
	if err == nil && got.ended {
		err = errors.New("the list came to its end, so that nothing was cut")
	}
	return got, err
}

// duplicates has pages begin with rows of their own twice, and rows come in before
// those that were listed, which moves some of them onto the next page.
func duplicates(ctx context.Context, again int64) (string, error) {
	return inEveryWay(ctx, movingAccount(), func(ctx context.Context, r *listRun) (string, error) {
		if err := r.script(emulator.Rule{Match: emulator.Match{Operation: r.way.api.list, Every: 2}, Action: emulator.Action{Duplicate: 5}}); err != nil {
			return "", err
		}
		before := r.source()
		if !r.way.windowed() {
			r.pages.at(midList, func() error { return r.addBefore(3) })
		}
		got, err := r.list(ctx)
		if err != nil {
			return "", err
		}
		if got.again != again {
			return "", fmt.Errorf("%d rows came again, want %d", got.again, again)
		}
		for id := range before {
			if _, came := got.copy[id]; !came {
				return "", fmt.Errorf("customer %d is missing", id)
			}
		}
		if !got.ended {
			return "", fmt.Errorf("the list broke off with %s", got.failed)
		}
		if err := wantCounts(got); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d rows, %d of them again", len(got.ids), got.again), nil
	})
}

// addBefore stores customers that upstream's pages begin with.
func (r *listRun) addBefore(n int) error {
	first, _ := r.emulator.Customer(r.ids()[0])
	for i := range n {
		if _, err := r.emulator.AddCustomer(emulator.Customer{
			ID: int64(i) + 1, Name: "early", CreatedAt: first.CreatedAt - 1, UpdatedAt: first.UpdatedAt - 1, NextDate: first.NextDate,
		}); err != nil {
			return err
		}
	}
	return nil
}

// deletions has others delete customers while a list runs: so many of those that
// were sent first, before two pages. Nobody tells of them over v2, so that nothing
// is promised there.
func deletions(ctx context.Context, deleted int, promises map[string]string) (string, error) {
	return inEveryWay(ctx, movingAccount(), func(ctx context.Context, r *listRun) (string, error) {
		before, first := r.source(), r.ids()[:2*deleted]
		r.pages.at(midList, func() error { return r.remove(first[:deleted]) })
		r.pages.at(midList+2, func() error { return r.remove(first[deleted:]) })
		got, err := r.list(ctx)
		if err != nil {
			return "", err
		}
		if !got.ended {
			return "", fmt.Errorf("the list broke off with %s", got.failed)
		}
		promise := strings.TrimPrefix(got.end.GetCompleteness().String(), "COMPLETENESS_")
		if promise != promises[r.way.name] {
			return "", fmt.Errorf("the list promises %s, want %s", promise, promises[r.way.name])
		}
		if err := wantCounts(got); err != nil {
			return "", err
		}
		missing := missingFrom(got, before, r.source())
		if r.way.windowed() || r.way.repaired() {
			err = r.wantWhole(got, before)
			if err == nil && got.deleted != int64(2*deleted) {
				err = fmt.Errorf("%d deletions were told, want %d", got.deleted, 2*deleted)
			}
		}
		if err == nil && (r.way.windowed() != (got.end.GetWindows() > 0) || r.way.repaired() != (got.end.GetRepairedBorders() > 0)) {
			err = fmt.Errorf("the end says %v", got.end)
		}
		return fmt.Sprintf("%s, %d missing, %d deletions, %d borders repaired, %d windows",
			promise, missing, got.deleted, got.end.GetRepairedBorders(), got.end.GetWindows()), err
	})
}

// promised are what lists promise in the ways in which they run.
var promised = map[string]string{"v2": "BEST_EFFORT", "v4 by pages": "ID_ORDER_REPAIRED", "v4 by windows": "WINDOWED"}

// remove deletes customers as other users do.
func (r *listRun) remove(ids []int64) error {
	for _, id := range ids {
		if !r.emulator.DeleteCustomer(id) {
			return fmt.Errorf("there is no customer %d", id)
		}
	}
	return nil
}
