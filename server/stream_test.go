package server

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// rows is a list that yields the numbers from 1 on.
type rows struct {
	n       int
	deleted []int64
	err     error
	end     amo.ListEnd
	ended   bool
	cursor  amo.Cursor
	options amo.ListOptions
}

func (r *rows) Rows(context.Context) iter.Seq2[amo.Row[int], error] {
	return func(yield func(amo.Row[int], error) bool) {
		for i := 1; i <= r.n; i++ {
			if !yield(amo.Row[int]{Value: i, Cursor: amo.Cursor{Generation: amo.V2, Offset: int64(i)}}, nil) {
				r.ended = false
				return
			}
		}
		for _, id := range r.deleted {
			if !yield(amo.Row[int]{Deleted: id, Cursor: amo.Cursor{Generation: amo.V2, Offset: int64(r.n)}}, nil) {
				return
			}
		}
		if r.err != nil {
			yield(amo.Row[int]{}, r.err)
		}
	}
}
func (r *rows) Cursor() amo.Cursor       { return r.cursor }
func (r *rows) End() (amo.ListEnd, bool) { return r.end, r.ended }

// recorder is a stream that keeps what is sent.
type recorder struct {
	grpc.ServerStream
	ctx    context.Context //nolint:containedctx // a stream hands its context to its handler
	sent   []any
	header int
	// onSend runs before a message is taken.
	onSend func() error
}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) SendHeader(metadata.MD) error {
	r.header++
	return nil
}

func (r *recorder) SendMsg(m any) error {
	if r.onSend != nil {
		if err := r.onSend(); err != nil {
			return err
		}
	}
	r.sent = append(r.sent, m)
	return nil
}

// listOf returns the list that r runs.
func listOf(r *rows) *list[int] {
	return &list[int]{open: func(options amo.ListOptions) listing[int] {
		r.options = options
		return r
	}}
}

// run sends the list to a recorder: numbers for rows, the end as it is.
func run(l *list[int], stream *recorder) error {
	return l.stream(stream, messages[int]{
		row:     func(value int, _ string) any { return value },
		deleted: func(id int64, _ string) any { return &amogatev1.DeletedCustomer{Id: id} },
		end:     func(end *amogatev1.ListEnd) any { return end },
	})
}

func TestStream_tellsWhatTheListWas(t *testing.T) {
	t.Parallel()
	stream := &recorder{ctx: t.Context()}
	if err := run(listOf(&rows{n: 3, ended: true, end: amo.ListEnd{
		Pages: 2, Requests: 4, Retries: 1, Resent: 1, Local: []string{"update_time"},
		Deleted: 1, Windows: 5, SplitWindows: 2, RepairedBorders: 3, Completeness: amogatev1.Completeness_COMPLETENESS_WINDOWED,
	}, deleted: []int64{8}}), stream); err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.ListEnd{
		Rows: 3, Pages: 2, Requests: 4, Retries: 1, Resent: 1, LocallyFilteredFields: []string{"update_time"},
		Deleted: 1, Windows: 5, SplitWindows: 2, RepairedBorders: 3, Completeness: amogatev1.Completeness_COMPLETENESS_WINDOWED,
	}
	if diff := cmp.Diff([]any{1, 2, 3, &amogatev1.DeletedCustomer{Id: 8}, want}, stream.sent, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if stream.header != 1 {
		t.Errorf("headers were sent %d times", stream.header)
	}
}

// Without the error a caller would see a list that is merely short.
func TestStream_withoutAnEndIsAnError(t *testing.T) {
	t.Parallel()
	stream := &recorder{ctx: t.Context()}
	if err := run(listOf(&rows{n: 2}), stream); err == nil || len(stream.sent) != 2 {
		t.Errorf("sent %v, %v", stream.sent, err)
	}
}

func TestStream_failsAsItsListDoes(t *testing.T) {
	t.Parallel()
	stream := &recorder{ctx: t.Context()}
	cause := &amo.Error{Kind: amo.KindInvalid, Fields: []amo.FieldError{{Path: "create_time"}}}
	err := run(listOf(&rows{n: 2, err: cause}), stream)
	if !errors.Is(err, cause) || len(stream.sent) != 2 {
		t.Fatalf("sent %v, %v", stream.sent, err)
	}
	if got := problemOfStatus(answerOf(t.Context(), err).status); !slices.Equal(got.fields, []string{"filter.create_time"}) {
		t.Errorf("got %+v", got)
	}
	gone := errors.New("gone")
	if err := run(listOf(&rows{n: 2, ended: true}), &recorder{ctx: t.Context(), onSend: func() error { return gone }}); !errors.Is(err, gone) {
		t.Errorf("a stream that cannot be sent to: %v", err)
	}
}

// The rows of a page are at hand: a stream that drains must not send them all
// first.
func TestStream_endsBetweenTheRowsOfAPage(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	stream := &recorder{ctx: ctx}
	stream.onSend = func() error {
		if len(stream.sent) == 2 {
			cancel(errDraining)
		}
		return nil
	}
	err := run(listOf(&rows{n: 500, ended: true}), stream)
	if len(stream.sent) != 3 {
		t.Errorf("sent %d rows", len(stream.sent))
	}
	if got := problemOfStatus(answerOf(ctx, err).status); got.reason != "SERVER_DRAINING" {
		t.Errorf("got %+v", got)
	}
}

func TestPage_sizesAndTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size  int32
		rows  rows
		want  int
		token int64 // offset; -1 = the end
	}{
		"default":                      {0, rows{n: 600, ended: true}, 50, 50},
		"at most 500":                  {501, rows{n: 600, ended: true}, 500, 500},
		"the whole list":               {10, rows{n: 3, ended: true}, 3, -1},
		"a full page may be the last":  {3, rows{n: 3, ended: true}, 3, 3},
		"nothing found, more to read":  {10, rows{cursor: amo.Cursor{Generation: amo.V2, Offset: 2000}}, 0, 2000},
		"some found, more to read":     {10, rows{n: 2, cursor: amo.Cursor{Generation: amo.V2, Offset: 2000}}, 2, 2000},
		"nothing found, nothing to go": {10, rows{ended: true}, 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listOf(&c.rows)
			got, token, err := l.page(t.Context(), c.size)
			if err != nil || len(got) != c.want {
				t.Fatalf("%d rows, %v; want %d", len(got), err, c.want)
			}
			if c.rows.options.MaxPages != 4 {
				t.Errorf("may read %d upstream pages", c.rows.options.MaxPages)
			}
			if want := min(max(int(c.size), 1), 500); c.size > 0 && c.rows.options.Rows != want {
				t.Errorf("wants %d rows of upstream, not %d", c.rows.options.Rows, want)
			}
			if (token == "") != (c.token < 0) {
				t.Fatalf("token %q, want the one of %d", token, c.token)
			}
			if cursor, err := l.tokens.decode(token); err != nil || token != "" && cursor.Offset != c.token {
				t.Errorf("token of %+v, %v; want %d", cursor, err, c.token)
			}
		})
	}
}

func TestAttempt_writesThatAnswerTooFewAreNotGuessedAt(t *testing.T) {
	t.Parallel()
	tooFew := func(results ...amo.Result[*amogatev1.Customer]) mutation[int, *amogatev1.Customer] {
		return mutation[int, *amogatev1.Customer]{write: func(context.Context, []int) []amo.Result[*amogatev1.Customer] { return results }}
	}
	results := attempt(testCall(t), 3, func(i int) (int, []*violation) {
		if i == 0 {
			return 0, []*violation{refuse("requests[0].id", "is odd")}
		}
		return i, nil
	}, tooFew(amo.Result[*amogatev1.Customer]{}), itemPath("requests", ""))
	for i, r := range results {
		if r.Err == nil {
			t.Errorf("item %d has the result %v", i, r.Value)
		}
	}
	if _, err := one(testCall(t), "customer", tooFew(), 1); err == nil {
		t.Error("a write without a result succeeded")
	}
}

func TestClip_keepsCharactersWhole(t *testing.T) {
	t.Parallel()
	long := "a"
	for len(long) < 2*clipBytes {
		long += "я"
	}
	got := clip(long)
	if len(got) > clipBytes+len("…") || got[:len(got)-len("…")] != long[:clipBytes-1] {
		t.Errorf("got %q", got)
	}
	if clip("short") != "short" {
		t.Error("a short text was changed")
	}
}
