package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// A list that a stopping server cuts goes on, at another server, behind its last
// row.
func TestDrain_endsAListBehindARowThatResumes(t *testing.T) {
	const stopAfter = 5 * time.Second
	slow := setup{
		emulator: emulator.Config{Customers: pagedRows, Latency: 2 * time.Second, FiltersOff: true},
		client:   amo.Config{PageSize: 7},
	}
	resume := func(t *testing.T, want []int64, got streamed, reason string) {
		t.Helper()
		if reason != "SERVER_DRAINING" {
			t.Errorf("the list ended with %q, want SERVER_DRAINING", reason)
		}
		n := len(got.ids)
		if n == 0 || n == len(want) || !slices.Equal(got.ids, want[:n]) {
			t.Fatalf("%d rows before the server stopped: %v", n, got.ids)
		}
		rest := newStack(t, slow).stream(t, got.tokens[n-1])
		if !slices.Equal(rest.ids, want[n:]) {
			t.Errorf("resumed with %v, want %v", rest.ids, want[n:])
		}
	}
	t.Run("gRPC", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t, slow)
			stream, err := s.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
			if err != nil {
				t.Fatal(err)
			}
			drained := s.drainAfter(t, stopAfter)
			var got streamed
			for {
				msg, err := stream.Recv()
				if err != nil {
					reason, _ := explain(status.Convert(err).Proto())
					resume(t, s.wantOrder(t, amo.V4), got, reason)
					break
				}
				got.ids = append(got.ids, msg.GetCustomer().GetId())
				got.tokens = append(got.tokens, msg.GetResumeToken())
			}
			<-drained
		})
	})
	t.Run("REST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t, slow)
			drained := s.drainAfter(t, stopAfter)
			r := s.do(t, http.MethodGet, "/v1/customers:stream", "")
			rows, failure, found := strings.Cut(r.body, `{"error"`)
			if !found {
				t.Fatalf("the list was not cut: %s", r.body)
			}
			reason, _ := explain(decodeFailure(t, []byte(`{"error"`+failure)))
			method := methodOf(t, "ListCustomers")
			var got streamed
			for line := range strings.Lines(rows) {
				msg, ok := decodeMessage(t, method, []byte(line)).(*amogatev1.ListCustomersResponse)
				if !ok {
					t.Fatalf("line %s is no row", line)
				}
				got.ids = append(got.ids, msg.GetCustomer().GetId())
				got.tokens = append(got.tokens, msg.GetResumeToken())
			}
			resume(t, s.wantOrder(t, amo.V4), got, reason)
			<-drained
		})
	})
}

// drainAfter stops the server in good order after a while.
func (s *stack) drainAfter(t *testing.T, wait time.Duration) <-chan struct{} {
	t.Helper()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		time.Sleep(wait)
		if err := s.server.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	return drained
}
