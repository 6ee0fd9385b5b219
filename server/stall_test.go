package server

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestStream_endsForAReaderThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stream := &recorder{ctx: ctx}
		stream.onSend = func() error {
			switch len(stream.sent) {
			case 5:
				time.Sleep(59 * time.Second) // slow, but alive
			case 10:
				<-ctx.Done() // as the library does: until the call has ended
				return ctx.Err()
			}
			return nil
		}
		began := time.Now()
		err := run(listOf(&rows{n: 20, ended: true}), stream)
		if f, ok := errors.AsType[*fault](err); !ok || f.reason != amogatev1.ErrorReason_ERROR_REASON_STREAM_STALLED {
			t.Errorf("the stream ended with %v, want STREAM_STALLED", err)
		}
		if got := answerOf(ctx, err).status.Code(); got != codes.DeadlineExceeded {
			t.Errorf("code %v, want DEADLINE_EXCEEDED", got)
		}
		if took, want := time.Since(began), 59*time.Second+settings.Default().StreamStall; took != want {
			t.Errorf("ended after %v, want %v", took, want)
		}
		cancel()
		synctest.Wait()
		if len(stream.sent) != 10 {
			t.Errorf("%d messages were taken, want 10", len(stream.sent))
		}
	})
}

func TestStream_stalledReaderEndsWhatIsFetchedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		fetching := make(chan error, 1)
		stream := &recorder{ctx: ctx, onSend: func() error { <-ctx.Done(); return ctx.Err() }}
		_ = unlessStalled(stream, time.Minute, func(stream grpc.ServerStream) error {
			context.AfterFunc(stream.Context(), func() { fetching <- context.Cause(stream.Context()) })
			return stream.SendMsg("row")
		})
		if err := <-fetching; err == nil {
			t.Error("what is fetched for the stream goes on")
		}
		cancel()
	})
}

func TestStream_waitsForUpstreamAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &recorder{ctx: t.Context()}
		err := unlessStalled(stream, time.Minute, func(stream grpc.ServerStream) error {
			time.Sleep(time.Hour)
			return stream.SendMsg("late")
		})
		if err != nil || len(stream.sent) != 1 {
			t.Errorf("%v with %d messages, want one", err, len(stream.sent))
		}
	})
}

func TestStream_panicsInTheGoroutineOfItsCall(t *testing.T) {
	defer func() {
		if p, ok := recover().(*amo.PanicError); !ok || p.Value != "of a list" || len(p.Stack) == 0 {
			t.Errorf("recovered %v", p)
		}
	}()
	_ = unlessStalled(&recorder{ctx: t.Context()}, time.Minute, func(grpc.ServerStream) error { panic("of a list") })
}

func TestListCustomers_stalledReaderGoesOnWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stored = 3000
		returned := make(chan error, 2)
		r := newRig(t, upstream{emulator: emulator.Config{Customers: stored}}, Config{
			StreamStall: time.Minute,
			Stream: []grpc.StreamServerInterceptor{
				func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
					err := handler(srv, stream)
					returned <- err
					return err
				},
			},
		})
		stream, err := r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-returned; err == nil {
			t.Fatal("the list went to its end into buffers: store more customers")
		}
		// What was buffered on the way is read, and then why there is no more.
		var read []*amogatev1.ListCustomersResponse
		for {
			msg, err := stream.Recv()
			if err == nil {
				read = append(read, msg)
				continue
			}
			if errors.Is(err, io.EOF) {
				t.Fatal("the stream ended without an error")
			}
			if p := problemOf(t, err); p.code != "DeadlineExceeded" || p.reason != "STREAM_STALLED" {
				t.Errorf("the stream ended with %+v", p)
			}
			break
		}
		rest, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{PageToken: read[len(read)-1].GetResumeToken()}))
		if err != nil {
			t.Fatal(err)
		}
		if got := append(ids(read), ids(rest)...); len(got) != stored {
			t.Errorf("%d rows before and after the stall, want %d", len(got), stored)
		}
	})
}
