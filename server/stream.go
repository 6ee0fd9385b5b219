package server

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Sizes of a page call.
const (
	defaultPageSize = 50
	maxPageSize     = 500
	// maxUpstreamPages bounds what one page call costs when a filter matches
	// few rows: it then answers what it found, with a token.
	maxUpstreamPages = 4
)

// listing is one list about to run, as package amo prepares it.
type listing[T any] interface {
	Rows(ctx context.Context) iter.Seq2[amo.Row[T], error]
	Cursor() amo.Cursor
	End() (amo.ListEnd, bool)
}

// list is one request for a list.
type list[T any] struct {
	tokens tokens
	// from is where the list goes on.
	from amo.Cursor
	// open prepares the list upstream.
	open func(amo.ListOptions) listing[T]
}

// newList returns the list of a collection that a request asks for.
func newList[T any](ctx context.Context, collection string, filter proto.Message, token string, open func(amo.ListOptions) listing[T]) (*list[T], error) {
	l := &list[T]{open: open}
	var err error
	if l.tokens, err = tokensFor(callFrom(ctx).account, collection, filter); err != nil {
		return nil, err
	}
	if l.from, err = l.tokens.decode(token); err != nil {
		return nil, err
	}
	return l, nil
}

// messages make the messages of one list.
type messages[T any] struct {
	row func(value T, token string) any
	// deleted is the message of a record that is gone; nil where lists tell none.
	deleted func(id int64, token string) any
	end     func(*amogatev1.ListEnd) any
}

// stream sends the whole list: a message for each row and one for the end.
// Headers leave first and say that its request was accepted, however long the
// first page takes: what is refused before may have headers too.
func (l *list[T]) stream(stream grpc.ServerStream, of messages[T]) error {
	if err := stream.SendHeader(metadata.Pairs(acceptedKey, "1")); err != nil {
		return err
	}
	return unlessStalled(stream, callFrom(stream.Context()).stall, func(stream grpc.ServerStream) error {
		return l.send(stream, of)
	})
}

// send sends the messages of the list.
func (l *list[T]) send(stream grpc.ServerStream, of messages[T]) error {
	ctx := stream.Context()
	run := l.open(amo.ListOptions{From: l.from})
	var rows int64
	for r, err := range run.Rows(ctx) {
		if err == nil {
			// The rest of a page could keep a stream going after its end.
			err = ctx.Err()
		}
		if err != nil {
			return listError(err)
		}
		token, err := l.tokens.encode(r.Cursor)
		if err != nil {
			return err
		}
		var msg any
		if r.Deleted != 0 {
			msg = of.deleted(r.Deleted, token)
		} else {
			msg = of.row(r.Value, token)
			rows++
		}
		if err := stream.SendMsg(msg); err != nil {
			return err
		}
	}
	told, ended := run.End()
	if !ended {
		// Without an end and without an error a caller would take a part for
		// the whole.
		if err := ctx.Err(); err != nil {
			return err
		}
		return errors.New("list stopped before its end")
	}
	return stream.SendMsg(of.end(&amogatev1.ListEnd{
		Rows:                  rows,
		Pages:                 told.Pages,
		Requests:              told.Requests,
		Retries:               told.Retries,
		Resent:                told.Resent,
		Deleted:               told.Deleted,
		Completeness:          told.Completeness,
		Windows:               told.Windows,
		SplitWindows:          told.SplitWindows,
		RepairedBorders:       told.RepairedBorders,
		LocallyFilteredFields: told.Local,
	}))
}

// page returns at most size rows and the token of the next page, which is empty
// only at the end of the list.
func (l *list[T]) page(ctx context.Context, size int32) ([]T, string, error) {
	if size == 0 {
		size = defaultPageSize
	}
	limit := int(min(size, maxPageSize))
	run := l.open(amo.ListOptions{From: l.from, MaxPages: maxUpstreamPages, Rows: limit})
	var rows []T
	for r, err := range run.Rows(ctx) {
		if err != nil {
			return nil, "", listError(err)
		}
		rows = append(rows, r.Value) // a page has no deletions
		if len(rows) == limit {
			token, err := l.tokens.encode(r.Cursor)
			return rows, token, err
		}
	}
	if _, ended := run.End(); ended {
		return rows, "", nil
	}
	token, err := l.tokens.encode(run.Cursor())
	return rows, token, err
}
