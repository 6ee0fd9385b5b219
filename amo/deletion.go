package amo

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v4"
	"github.com/amogate/amogate/amo/limit"
)

// maxOldEvents is how many pages on end may hold nothing but events of before the
// instant that was asked for. More mean that upstream ignores it, and that all
// deletions there ever were would have to be read.
const maxOldEvents = 10

// deletion is a record that was deleted.
type deletion struct {
	id int64
	// second is when, by upstream's clock.
	second int64
}

// tellsDeletions says whether upstream can tell which records were deleted: events
// are known to v4 alone, which takes tokens.
func (c *Collection[T, F]) tellsDeletions() bool {
	d, ok := c.drivers[V4]
	return ok && d.DeletedEvent != "" && c.client.config.Generation != V2 && c.client.config.Auth.takenBy(V4)
}

// deletions reads which records were deleted since a second, in the order of their
// times. Known is false where upstream does not say: it refuses, or answers
// something else.
func (c *Collection[T, F]) deletions(ctx context.Context, since int64) (told []deletion, known bool, cost usage, err error) {
	if !c.tellsDeletions() {
		return nil, false, usage{}, nil
	}
	kind := c.drivers[V4].DeletedEvent
	env, err := c.client.account(ctx, V4)
	if err != nil {
		return nil, false, usage{}, err
	}
	seen := map[driver.Event]bool{}
	old, again := 0, false
	for number := 1; ; number++ {
		var page driver.Page[driver.Event]
		x := v4.Events(kind, since, number)
		spent, err := c.client.send(ctx, request{
			call:  x.Call,
			class: limit.Sync,
			extra: true,
			decode: func(resp driver.Response) error {
				if err := x.DecodeError(resp); err != nil {
					return err
				}
				var err error
				page, err = x.Decode(env, resp.Body)
				return err
			},
		})
		cost.add(spent)
		if err != nil && refusesEvents(asError(err)) {
			return nil, false, cost, nil
		}
		if err != nil {
			return nil, false, cost, err
		}
		fresh, inTime := false, false
		for _, event := range page.Rows {
			if seen[event] {
				continue // pages move while they are read
			}
			seen[event], fresh = true, true
			if event.Type != kind || event.Second < since {
				continue
			}
			inTime = true
			told = append(told, deletion{event.RecordID, event.Second})
		}
		if len(page.Rows) == 0 && number > 1 && !again {
			// Upstream is known to answer an empty page by mistake.
			again = true
			number--
			cost.retries++
			continue
		}
		if v4.LastEvents(page) {
			break
		}
		again = false
		old++
		if inTime {
			old = 0
		}
		if !fresh || old == maxOldEvents {
			return nil, false, cost, nil
		}
	}
	slices.SortFunc(told, func(a, b deletion) int { return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.id, b.id)) })
	return told, true, cost, nil
}

// refusesEvents says that upstream keeps its events from this account or user,
// which says nothing of the rest.
func refusesEvents(err *Error) bool {
	switch err.Status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity:
		return err.Kind != KindBlocked && err.Kind != KindReauth && err.Kind != KindMoved
	}
	return false
}
