package server

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo"
	implv1 "github.com/amogate/amogate/gen/amogate/impl/v1"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
)

// onceUnary carries out a call with a request id once. Those that repeat it are
// answered by what became of it; the handlers do that item by item, so that they
// can send those that certainly were not.
func (s *Server) onceUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
	c := callFrom(ctx)
	mutation, ok := req.(interface {
		proto.Message
		GetRequestId() string
	})
	if !ok || !c.own || mutation.GetRequestId() == "" {
		return handler(ctx, req)
	}
	if s.config.Requests == nil {
		return nil, &amo.Error{Kind: amo.KindStoreUnavailable, Op: "request.claim", Message: "this server has no store for request ids: leave request_id out"}
	}
	hash, err := hashRequest(mutation, c.implicitMask)
	if err != nil {
		return nil, err
	}
	known, err := s.config.Requests.Begin(ctx, idempotency.NewKey(c.client.Identity(), c.method, mutation.GetRequestId()), hash)
	if err != nil {
		return nil, requestFault(err)
	}
	c.known = known
	if !known.IsOurs() {
		return handler(ctx, req)
	}
	// Who repeats the call is to get its answer, so it does not end with its
	// caller.
	ctx, end := s.detach(ctx)
	defer end()
	n := items(mutation)
	hasEnded := false
	defer func() {
		for i := range n {
			if !hasEnded && known.Known(i) == nil {
				known.Leave(i) // a panic
			}
		}
		known.End(ctx, n)
	}()
	resp, err := handler(ctx, req)
	hasEnded = true
	return resp, err
}

// detach returns a context that ends with the deadline of a call, and not with its
// caller.
func (s *Server) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	free, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(s.cutting, func() { cancel(errDraining) })
	end := func() { cancel(nil) }
	if deadline, ok := ctx.Deadline(); ok {
		free, end = context.WithDeadline(free, deadline)
	}
	return free, func() { stop(); end(); cancel(nil) }
}

// items counts the items of a mutation.
func items(req proto.Message) int {
	m := req.ProtoReflect()
	if !strings.HasPrefix(string(m.Descriptor().Name()), "Batch") {
		return 1
	}
	for _, name := range []protoreflect.Name{"requests", "ids"} {
		if field := m.Descriptor().Fields().ByName(name); field != nil {
			return m.Get(field).List().Len()
		}
	}
	return 0
}

// requestFault returns the error of a call that was not begun.
func requestFault(err error) error {
	if errors.Is(err, idempotency.ErrReused) {
		const text = "was used for another request of this method within a day; give every request an id of its own"
		return &fault{
			reason:  amogatev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
			message: requestIDField + " " + text,
			fields:  []*violation{refuse(requestIDField, "%s", text)},
		}
	}
	if busy, ok := errors.AsType[*idempotency.InProgressError](err); ok {
		return &fault{
			reason:     amogatev1.ErrorReason_ERROR_REASON_REQUEST_IN_PROGRESS,
			message:    "a call with this request_id is under way and did not end in time: repeat it with the same request_id",
			retryAfter: busy.RetryAfter,
		}
	}
	return err
}

// carryOut writes the items of a call, which stand at places in the request, and
// returns their results. In a call with a request id those whose outcome is known
// are answered by it, those that may have been sent are looked for, and what
// becomes of the others is stored as soon as it is known. path is where an item's
// resource stands in the request.
func carryOut[A any, T proto.Message](ctx context.Context, m mutation[A, T], items []A, places []int, path func(place int) string) []amo.Result[T] {
	known := callFrom(ctx).known
	if known == nil {
		return m.write(ctx, items)
	}
	results := make([]amo.Result[T], len(items))
	var before, doubted, fresh []int
	for k, place := range places {
		if m.name != nil {
			items[k] = m.name(items[k], known.ItemName(place))
		}
		outcome := known.Known(place)
		switch {
		case known.IsDoubted(place):
			doubted = append(doubted, k)
		case known.IsOurs() && (outcome == nil || outcome.GetUnsent()):
			fresh = append(fresh, k)
		default:
			results[k] = told(m.sent(items[k]), outcome)
			before = append(before, k)
		}
	}
	note := func(k int, r amo.Result[T]) { noteOutcome(ctx, places[k], path(places[k]), m.sent(items[k]), r) }
	if len(doubted) > 0 {
		for n, r := range m.recall(ctx, pick(items, doubted), known.Since()) {
			k := doubted[n]
			results[k] = r
			if note(k, r); known.Known(places[k]) == nil {
				known.Leave(places[k]) // it could not even be looked for
			}
		}
		known.Save(ctx)
		before = append(before, doubted...)
	}
	if m.readBack != nil && len(before) > 0 {
		m.readBack(ctx, results, func(k int) bool { return slices.Contains(before, k) && m.wantsReading(items[k]) })
	}
	if len(fresh) > 0 {
		if len(fresh) > 1 {
			defer known.SaveAlong(ctx)()
		}
		heard := amo.WithOutcomes(ctx, func(n int, r amo.Result[T]) { note(fresh[n], r) })
		written := m.write(heard, pick(items, fresh))
		if len(written) != len(fresh) {
			return nil // the caller tells
		}
		for n, r := range written {
			results[fresh[n]] = r
		}
	}
	return results
}

// exchange is a mutation of no collection, whose answer is R.
type exchange[R proto.Message] struct {
	run func(ctx context.Context) (R, error)
	// isKept says that the answer is stored; it holds nothing of the request.
	isKept bool
	// again, unless nil, reads the answer of a call that is repeated.
	again func(ctx context.Context) (R, error)
}

// exchangeOnce carries out an exchange, as carryOut does. What may have been sent
// cannot be looked for.
func exchangeOnce[R proto.Message](ctx context.Context, x exchange[R]) (R, error) {
	known := callFrom(ctx).known
	if known == nil {
		return answered(x.run(ctx))
	}
	outcome := known.Known(0)
	if known.IsDoubted(0) {
		err := &amo.Error{Kind: amo.KindOutcomeUnknown, Message: "the process that took this request ended before it knew what became of it; look before you send it again"}
		noteOutcome(ctx, 0, "", *new(R), amo.Result[R]{Err: err})
		return *new(R), err
	}
	if !known.IsOurs() || outcome != nil && !outcome.GetUnsent() {
		result := told(blank[R](), outcome)
		if result.Err != nil || x.again == nil {
			return result.Value, result.Err
		}
		return x.again(ctx)
	}
	resp, err := answered(x.run(ctx))
	result := amo.Result[R]{Value: blank[R](), Err: err}
	if err == nil && x.isKept {
		result.Value = resp
	}
	keepOutcome(ctx, 0, "", result, func(r R) proto.Message { return r })
	return resp, err
}

// answered returns an answer, or the error alone.
func answered[R proto.Message](resp R, err error) (R, error) {
	if err != nil {
		return *new(R), err
	}
	return resp, nil
}

// told is the result that an outcome stands for, of a record as it was sent.
func told[T proto.Message](sent T, outcome *implv1.ItemOutcome) amo.Result[T] {
	if failed := outcome.GetFailed(); failed != nil {
		return amo.Result[T]{Err: failedBefore(failed)}
	}
	if outcome == nil {
		return amo.Result[T]{Err: errors.New("an outcome is not stored")}
	}
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(outcome.GetDone(), sent); err != nil {
		return amo.Result[T]{Err: err}
	}
	return amo.Result[T]{Value: sent}
}

// noteOutcome notes what became of an item that was sent: of a record the ids and
// times that upstream told. sent is the record as it was sent.
func noteOutcome[T proto.Message](ctx context.Context, place int, path string, sent T, r amo.Result[T]) {
	keepOutcome(ctx, place, path, r, func(record T) proto.Message { return withoutValues(sent, record) })
}

// keepOutcome notes what became of an item. Of errors after which nothing has
// happened only those are remembered with which upstream answered for the item: a
// call that is repeated may fare better than with the others. What is unknown
// because nobody waits any more, or upstream could not be asked, is left to be
// looked for.
func keepOutcome[T proto.Message](ctx context.Context, place int, path string, r amo.Result[T], kept func(T) proto.Message) {
	known := callFrom(ctx).known
	outcome := &implv1.ItemOutcome{Index: int32(place)} //nolint:gosec // a batch has a thousand items
	if r.Err != nil {
		e, ok := errors.AsType[*amo.Error](r.Err)
		switch {
		case !ok || !isRemembered(e.Kind):
			return
		case mayHaveHappened(e.Kind) && (ctx.Err() != nil || amo.IsUnlooked(e)):
			known.Leave(place)
			return
		}
		outcome.Result = &implv1.ItemOutcome_Failed{Failed: failureOf(ctx, at(path, r.Err))}
		known.Note(outcome)
		return
	}
	done, err := proto.Marshal(kept(r.Value))
	if err != nil {
		known.Leave(place)
		return
	}
	outcome.Result = &implv1.ItemOutcome_Done{Done: done}
	known.Note(outcome)
}

// mayHaveHappened says whether a write may have happened after an error.
func mayHaveHappened(kind amo.Kind) bool {
	return kind == amo.KindOutcomeUnknown || kind == amo.KindResponseLost
}

// isRemembered says whether a repeated call is answered by an error again.
func isRemembered(kind amo.Kind) bool {
	switch kind { //nolint:exhaustive // after the others nothing was sent, or upstream took nothing
	case amo.KindUpstreamInvalid, amo.KindNotFound, amo.KindForbidden, amo.KindConflict:
		return true
	}
	return mayHaveHappened(kind)
}

// withoutValues returns what of a written record may be stored: ids, times and
// the account that upstream told, and nothing that was sent.
func withoutValues(sent, record proto.Message) proto.Message {
	from, was := record.ProtoReflect(), sent.ProtoReflect()
	kept := from.New()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		same := was.IsValid() && was.Has(field) && value.Equal(was.Get(field))
		if isTold(field) && !same {
			kept.Set(field, value)
		}
		return true
	})
	return kept.Interface()
}

// isTold says whether a field is an id or a time that upstream gives a record.
func isTold(field protoreflect.FieldDescriptor) bool {
	name := string(field.Name())
	switch {
	case field.IsList():
		return false
	case name == "create_time", name == "update_time":
		return true
	}
	return field.Kind() == protoreflect.Int64Kind && (name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_by"))
}

// failureOf returns an error as it is stored.
func failureOf(ctx context.Context, err error) *implv1.Failure {
	f, _ := faultOf(ctx, err)
	failure := &implv1.Failure{Reason: f.reason, Message: f.message, Metadata: f.metadata}
	for _, v := range bounded(f.fields) {
		failure.Fields = append(failure.Fields, &implv1.Violation{Field: v.GetField(), Description: v.GetDescription()})
	}
	return failure
}

// failedBefore returns the error that was stored.
func failedBefore(failure *implv1.Failure) error {
	f := &fault{reason: failure.GetReason(), message: failure.GetMessage(), metadata: failure.GetMetadata()}
	for _, v := range failure.GetFields() {
		f.fields = append(f.fields, refuse(v.GetField(), "%s", v.GetDescription()))
	}
	return f
}

// pick returns the items at some places.
func pick[A any](items []A, places []int) []A {
	picked := make([]A, len(places))
	for n, k := range places {
		picked[n] = items[k]
	}
	return picked
}
