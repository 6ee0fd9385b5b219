package server

import (
	"context"
	"errors"
	"log/slog"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// batch is what the batches of one resource T have in common; R is the result of
// an item.
type batch[T, R any] struct {
	// field is the field of an item that holds the resource.
	field string
	// kind tells of which kind a record is where ids are unique among the records
	// of a kind only; nil = they are unique.
	kind func(T) amogatev1.ParentKind
	// done makes the result of what was written, failed that of a status.
	done   func(T) R
	failed func(*spb.Status) R
}

// itemRequests is what the requests of batches with a request for each item Q
// have.
type itemRequests[Q any] interface {
	GetRequests() []Q
	GetReadBack() bool
}

// createOne carries out a single creation; prepare turns the request into an item
// for package amo.
func createOne[Q any, T proto.Message](ctx context.Context, field string, req Q, prepare prepareCreate[Q, T], records creator[T]) (T, error) {
	create, fields := prepare(req)
	if len(fields) > 0 {
		return *new(T), invalid(fields...)
	}
	return one(ctx, field, creation(records), create)
}

// updateOne carries out a single update, as createOne.
func updateOne[Q any, T proto.Message](ctx context.Context, field string, req Q, prepare prepareUpdate[Q, T], records updater[T]) (T, error) {
	update, fields := prepare(req, callFrom(ctx).implicitMask)
	if len(fields) > 0 {
		return *new(T), invalid(fields...)
	}
	return one(ctx, field, change(records), update)
}

// deleteOne carries out a single deletion.
func deleteOne[T proto.Message](ctx context.Context, id int64, records deleter[T]) (*emptypb.Empty, error) {
	if _, err := one(ctx, "", deletion(records), id); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// one carries out a write of one item, whose record stands at path.
func one[A any, T proto.Message](ctx context.Context, path string, m mutation[A, T], item A) (T, error) {
	results := carryOut(ctx, m, []A{item}, []int{0}, func(int) string { return path })
	if len(results) != 1 {
		return *new(T), errors.New("a write of one item has another number of results")
	}
	noteReadBack(ctx, results)
	if err := results[0].Err; err != nil {
		return *new(T), at(path, err)
	}
	return results[0].Value, nil
}

// createBatch carries out a batch of creations and returns the results in the
// order of the request.
func createBatch[Q any, T proto.Message, R any](ctx context.Context, b batch[T, R], req itemRequests[Q], prepare prepareCreate[Q, T], records creator[T]) []R {
	requests := req.GetRequests()
	path := itemPath("requests", "."+b.field)
	results := attempt(ctx, len(requests), func(i int) (amo.Create[T], []*violation) {
		create, fields := prepare(requests[i])
		create.ReadBack = create.ReadBack || req.GetReadBack()
		return create, below(item("requests", i), fields)
	}, creation(records), path)
	return itemResults(ctx, b, path, results)
}

// updateBatch carries out a batch of updates, as createBatch. A record that
// occurs again is the error of that item.
func updateBatch[Q any, T proto.Message, R any](ctx context.Context, b batch[T, R], req itemRequests[Q], prepare prepareUpdate[Q, T], records updater[T]) []R {
	requests, seen := req.GetRequests(), twice{}
	path := itemPath("requests", "."+b.field)
	results := attempt(ctx, len(requests), func(i int) (amo.Update[T], []*violation) {
		update, fields := prepare(requests[i], false)
		update.ReadBack = update.ReadBack || req.GetReadBack()
		which := record{id: update.ID}
		if b.kind != nil {
			which.kind = b.kind(update.Value)
		}
		fields = append(fields, seen.check("id", which, i)...)
		return update, below(item("requests", i), fields)
	}, change(records), path)
	return itemResults(ctx, b, path, results)
}

// deleteBatch carries out a batch of deletions, as updateBatch.
func deleteBatch[T proto.Message, R any](ctx context.Context, b batch[T, R], ids []int64, records deleter[T]) []R {
	seen := twice{}
	path := itemPath("ids", "")
	results := attempt(ctx, len(ids), func(i int) (int64, []*violation) {
		return ids[i], seen.check(item("ids", i), record{id: ids[i]}, i)
	}, deletion(records), path)
	return itemResults(ctx, b, path, results)
}

// itemPath returns where the record of an item of a batch stands in the request: at
// field[i] and suffix.
func itemPath(field, suffix string) func(i int) string {
	return func(i int) string { return item(field, i) + suffix }
}

// prepareCreate turns a request into an item for package amo, or says what is
// wrong with it.
type prepareCreate[Q, T any] func(req Q) (amo.Create[T], []*violation)

// prepareUpdate is prepareCreate for updates; implicit is as in updateOf.
type prepareUpdate[Q, T any] func(req Q, implicit bool) (amo.Update[T], []*violation)

// attempt writes the n items of a batch that prepare accepts, and returns a
// result for each item in the order of the request. An item that validation or
// prepare refuses costs no other its turn.
func attempt[A any, T proto.Message](ctx context.Context, n int, prepare func(i int) (A, []*violation), m mutation[A, T], path func(i int) string) []amo.Result[T] {
	results := make([]amo.Result[T], n)
	invalidItems := callFrom(ctx).items
	var items []A
	var places []int
	for i := range n {
		prepared, fields := prepare(i)
		if fields = append(invalidItems[i], fields...); len(fields) > 0 {
			results[i].Err = invalid(fields...)
			continue
		}
		items = append(items, prepared)
		places = append(places, i)
	}
	if len(items) == 0 {
		return results
	}
	written := carryOut(ctx, m, items, places, path)
	for k, i := range places {
		if len(written) != len(items) {
			results[i].Err = errors.New("a batch has another number of results than items")
			continue
		}
		results[i] = written[k]
	}
	noteReadBack(ctx, results)
	return results
}

// noteReadBack tells the caller that a read after a write failed. The write
// itself succeeded, so the call does.
func noteReadBack[T any](ctx context.Context, results []amo.Result[T]) {
	for _, r := range results {
		if r.ReadBackErr == nil {
			continue
		}
		c := callFrom(ctx)
		c.logger.LogAttrs(ctx, slog.LevelWarn, "read back failed",
			slog.String("method", c.method),
			slog.String("account", c.account),
			slog.String("request_id", c.requestID),
			slog.String("error", r.ReadBackErr.Error()),
		)
		_ = grpc.SetHeader(ctx, metadata.Pairs(readBackKey, "failed"))
		return
	}
}

// itemResults returns the results of a batch as its answer holds them. path is
// where the record of an item stands in the request.
func itemResults[T, R any](ctx context.Context, b batch[T, R], path func(i int) string, results []amo.Result[T]) []R {
	out := make([]R, len(results))
	for i, r := range results {
		if r.Err != nil {
			out[i] = b.failed(itemStatus(ctx, path(i), r.Err))
			continue
		}
		out[i] = b.done(r.Value)
	}
	return out
}

// itemStatus returns the status of an item that failed. path is the item's
// resource in the request.
func itemStatus(ctx context.Context, path string, err error) *spb.Status {
	a := answerOf(ctx, at(path, err))
	c := callFrom(ctx)
	level := levelOf(a.status.Code())
	if level < slog.LevelError {
		// A batch can have a thousand items.
		level = slog.LevelDebug
	}
	c.logger.LogAttrs(ctx, level, "item",
		slog.String("method", c.method),
		slog.String("account", c.account),
		slog.String("item", path),
		slog.String("code", a.status.Code().String()),
		slog.String("reason", reasonName(a.reason)),
		slog.String("request_id", c.requestID),
		slog.String("error", err.Error()),
	)
	return a.status.Proto()
}

// record names a record of one resource.
type record struct {
	// kind is 0 where ids are unique in the account.
	kind amogatev1.ParentKind
	id   int64
}

// twice finds the items of a batch that name a record for the second time.
type twice map[record]int

// check returns a violation when an earlier item than i names the record. A
// record that is written twice in one request would end in the order of luck.
func (t twice) check(path string, which record, i int) []*violation {
	if first, ok := t[which]; ok && which.id != 0 {
		return []*violation{refuse(path, "names the record of item %d again", first)}
	}
	t[which] = i
	return nil
}
