package server

import (
	"context"
	"errors"
	"log/slog"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/amogate/amogate/amo"
)

// one returns the result of a write of one item.
func one[T any](ctx context.Context, path string, results []amo.Result[T]) (T, error) {
	var none T
	if len(results) != 1 {
		return none, errors.New("a write of one item has another number of results")
	}
	noteReadBack(ctx, results)
	if err := results[0].Err; err != nil {
		return none, at(path, err)
	}
	return results[0].Value, nil
}

// attempt writes the n items of a batch that prepare accepts, and returns a
// result for each item in the order of the request. An item that validation or
// prepare refuses costs no other its turn.
func attempt[A, T any](ctx context.Context, n int, prepare func(i int) (A, []*violation), write func([]A) []amo.Result[T]) []amo.Result[T] {
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
	written := write(items)
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

// itemResults returns the results of a batch as its answer holds them: made by
// done of what was written, by failed of a status. The resource of an item stands
// at field[i] and suffix in the request.
func itemResults[T, R any](ctx context.Context, field, suffix string, results []amo.Result[T], done func(T) R, failed func(*spb.Status) R) []R {
	out := make([]R, len(results))
	for i, r := range results {
		if r.Err != nil {
			out[i] = failed(itemStatus(ctx, item(field, i)+suffix, r.Err))
			continue
		}
		out[i] = done(r.Value)
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

// twice finds the items of a batch that name a record for the second time.
type twice map[int64]int

// check returns a violation when an earlier item than i names id. A record that
// is written twice in one request would end in the order of luck.
func (t twice) check(path string, id int64, i int) []*violation {
	if first, ok := t[id]; ok && id != 0 {
		return []*violation{refuse(path, "names the record of item %d again", first)}
	}
	t[id] = i
	return nil
}
