package amo

import (
	"context"
	"slices"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// linked says whether a change needs requests that link, and whether it holds
// anything else.
func (r *updateRun[T, F]) linked(change driver.Change[T]) (links, rest bool) {
	if r.d.Linked == nil {
		return false, true
	}
	links, rest = r.d.Linked(change.Paths)
	return links, rest || len(change.AddTags)+len(change.RemoveTags) > 0
}

// link sends the requests that link the records of items that are written. Where
// requests for many are refused it sends those of each. Some of them may have been
// carried out by then, and upstream fails when it links again what is linked: what
// is left to do is worked out anew.
func (r *updateRun[T, F]) link(ctx context.Context, items []int) {
	items = slices.DeleteFunc(slices.Clone(items), func(i int) bool {
		links, _ := r.linked(r.works[i].work.change)
		return !links
	})
	if len(items) == 0 {
		return
	}
	err := r.sendLinks(ctx, items)
	if err == nil {
		return
	}
	refused := IsKind(err, KindUpstreamInvalid) || IsKind(err, KindNotFound)
	switch {
	case refused && len(items) > 1:
		if failed := r.reread(ctx, items); failed != nil {
			err = failed
			break
		}
		for _, i := range items {
			r.link(ctx, []int{i})
		}
		return
	case refused:
	case IsKind(err, KindOutcomeUnknown) || IsKind(err, KindResponseLost):
		if r.reread(ctx, items) == nil {
			items = slices.DeleteFunc(items, func(i int) bool {
				calls, err := r.d.Links(r.env, []driver.Change[T]{r.works[i].work.change})
				return err == nil && len(calls) == 0
			})
		}
		fallthrough
	default:
		if len(items) > 0 {
			r.party.fail(err)
		}
	}
	for _, i := range items {
		failure := *asError(err)
		if _, rest := r.linked(r.works[i].work.change); rest {
			failure.Message = "the other fields were written, the links were not: " + failure.Message
		}
		r.results[i].Err = &failure
	}
}

// reread reads the records of items anew and compares the changes with them.
func (r *updateRun[T, F]) reread(ctx context.Context, items []int) error {
	ids := make([]int64, len(items))
	for k, i := range items {
		ids[k] = r.items[i].ID
	}
	found, err := r.read(ctx, r.d, driver.OpUpdate, ids)
	if err != nil {
		return err
	}
	for _, i := range items {
		if record, ok := found[r.items[i].ID]; ok {
			r.works[i].work.change.Before = record
		}
	}
	return nil
}

func (r *updateRun[T, F]) sendLinks(ctx context.Context, items []int) error {
	batch := make([]driver.Change[T], len(items))
	for k, i := range items {
		batch[k] = r.works[i].work.change
	}
	calls, err := r.d.Links(r.env, batch)
	if err != nil {
		return err
	}
	defer func() {
		for _, change := range batch {
			r.changed(change.ID)
		}
	}()
	for _, call := range calls {
		_, err := r.client.send(ctx, request{
			call:  call,
			class: limit.Interactive,
			decode: func(resp driver.Response) error {
				if err := r.d.DecodeError(resp); err != nil {
					return err
				}
				return r.d.DecodeLinks(resp.Body)
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
