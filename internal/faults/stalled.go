package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
)

// stalledRows is the size of the account whose reader stalls: more than what the
// buffers on the way and the pages that wait hold.
var stalledRows = unlessWatched(6000, 4000)

// stalled has readers over gRPC and over REST take a row and then nothing for
// longer than the bound, while another one reads another account of the process to
// its end.
func stalled(ctx context.Context, buffered int, patience time.Duration) (string, error) {
	if got := settings.Default().StreamStall; got != patience {
		return "", fmt.Errorf("a reader counts as stalled after %s, want %s", got, patience)
	}
	return inTurn(ctx,
		func(ctx context.Context) (string, error) { return stalledBy(ctx, overGRPC, buffered, patience) },
		func(ctx context.Context) (string, error) { return stalledBy(ctx, overConnection, buffered, patience) })
}

// stalledBy is stalled for readers that open makes.
func stalledBy(ctx context.Context, open func(*bubbleStack) *stalledReader, buffered int, patience time.Duration) (string, error) {
	config := bubbleConfig{others: []string{"other"}, stackConfig: stackConfig{emulated: func(c *emulator.Config) { c.Customers = stalledRows }}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		reader := open(s)
		defer reader.close()
		text, err := s.stalled(ctx, api, reader, buffered, patience)
		if err != nil {
			return "", fmt.Errorf("over %s: %w", reader.transport, err)
		}
		return "over " + reader.transport + " " + text, nil
	})
}

// stalledReader reads lists over a transport.
type stalledReader struct {
	transport string
	// read goes on with a list.
	read func(ctx context.Context, l *listed, each func(*listed)) error
	// wantCut returns an error unless the list broke off as it has to, when its
	// reader had taken nothing since a time.
	wantCut func(l *listed, broke error, since time.Time, patience time.Duration) error
	close   func()
}

func overGRPC(s *bubbleStack) *stalledReader {
	return &stalledReader{
		transport: "gRPC",
		read: func(ctx context.Context, l *listed, each func(*listed)) error {
			return l.read(ctx, s.conn, l.token, each)
		},
		wantCut: func(l *listed, broke error, _ time.Time, _ time.Duration) error {
			return errors.Join(broke, l.failed.want(codes.DeadlineExceeded, "STREAM_STALLED"))
		},
		close: func() {},
	}
}

// overConnection reads lists over REST by a connection that holds no more than a
// socket does. Who takes nothing cannot be told why it is cut.
func overConnection(s *bubbleStack) *stalledReader {
	pipe := bufconn.Listen(1 << 16)
	var mu sync.Mutex
	var closed time.Time
	h := &http.Server{
		Handler: s.replicas[0].rest, ReadHeaderTimeout: time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			if state == http.StateClosed && closed.IsZero() {
				closed = time.Now()
			}
		},
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = h.Serve(pipe) }) // calls show it when it does not
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return pipe.DialContext(ctx) },
	}}
	return &stalledReader{
		transport: "REST",
		read: func(ctx context.Context, l *listed, each func(*listed)) error {
			return l.readREST(ctx, client, restRoot, l.token, each)
		},
		wantCut: func(_ *listed, broke error, since time.Time, patience time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			switch took := closed.Sub(since); {
			case broke == nil:
				return errors.New("the connection was not cut")
			case took < patience || took > patience+time.Second:
				return fmt.Errorf("the connection was cut after %s, want %s", took, patience)
			}
			return nil
		},
		close: func() {
			client.CloseIdleConnections()
			_ = h.Close() // its connections are over
			serving.Wait()
		},
	}
}

// stalled has a reader take a row, and then nothing for twice the patience.
func (s *bubbleStack) stalled(ctx context.Context, api upstreamAPI, reader *stalledReader, buffered int, patience time.Duration) (string, error) {
	begun := time.Now()
	if _, err := list(onAccount(ctx, "other"), s.conn, "", nil); err != nil {
		return "", err
	}
	alone := time.Since(begun)
	var beside time.Duration
	var since time.Time
	var besides error
	got := newListed()
	broke := reader.read(ctx, got, func(l *listed) {
		if len(l.ids) > 1 {
			return
		}
		since = time.Now()
		_, besides = list(onAccount(ctx, "other"), s.conn, "", nil)
		beside = time.Since(since)
		time.Sleep(2 * patience)
	})
	pages, sent := s.requests(api.list), int(s.emulator.Stats().RowsSent)
	if err := errors.Join(besides, reader.wantCut(got, broke, since, patience)); err != nil {
		return "", err
	}
	switch {
	case got.ended:
		return "", errors.New("the list came to its end")
	case beside > alone*105/100:
		return "", fmt.Errorf("another list took %s, and %s alone", beside, alone)
	}
	// The first page shows how long windows are to be; its rows come once more.
	rows := len(got.ids)
	if api.generation == amo.V4 {
		sent -= api.largest
	}
	if held := (sent - rows) / api.largest; held > buffered {
		return "", fmt.Errorf("%d rows were asked for in %d requests and %d arrived: %d pages more", sent, pages, rows, held)
	}
	got.failed = failure{}
	if err := reader.read(ctx, got, nil); err != nil {
		return "", fmt.Errorf("resumed: %w", err)
	}
	if len(got.copy) != stalledRows || !got.ended {
		return "", fmt.Errorf("resumed: %d rows of %d, failed %s", len(got.copy), stalledRows, got.failed)
	}
	return fmt.Sprintf("%d of %d rows on the way, resumed", rows, sent), nil
}
