package server

import (
	"io"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestPriority_isOneOfThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		for name, want := range map[string]codes.Code{
			"interactive": codes.NotFound, "sync": codes.NotFound, "export": codes.NotFound,
			"login": codes.InvalidArgument, "Sync": codes.InvalidArgument, "": codes.InvalidArgument,
		} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "amogate-priority", name)
			if _, err := r.api.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 1}); status.Code(err) != want {
				t.Errorf("priority %q: %v, want %v", name, err, want)
			}
		}
		twice := metadata.AppendToOutgoingContext(t.Context(), "amogate-priority", "sync", "amogate-priority", "export")
		if _, err := r.api.GetCustomer(twice, &amogatev1.GetCustomerRequest{Id: 1}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("two priorities: %v, want InvalidArgument", err)
		}
	})
}

// A call of lower priority lets the others pass.
func TestPriority_lowersACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		if _, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1}); status.Code(err) != codes.NotFound {
			t.Fatal(err)
		}
		order := make(chan string, 6)
		call := func(priority string) {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "amogate-priority", priority)
			_, _ = r.api.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 1})
			order <- priority
		}
		for _, priority := range []string{"export", "sync", "export", "sync", "interactive", "interactive"} {
			go call(priority)
			synctest.Wait()
		}
		for i, want := range []string{"interactive", "interactive", "sync", "sync", "export", "export"} {
			if got := <-order; got != want {
				t.Errorf("call %d was of priority %s, want %s", i, got, want)
			}
		}
	})
}

func TestWaits_areInTheTrailer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 10}, pageSize: 5}, Config{})
		for i, want := range []string{"1166", "166"} { // the first second is left free; at first the account is read
			var header, trailer metadata.MD
			_, _ = r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1}, grpc.Header(&header), grpc.Trailer(&trailer))
			if got := trailer.Get("amogate-wait-ms"); len(got) != 1 || got[0] != want {
				t.Errorf("call %d: trailer %v, want %s", i, got, want)
			}
			if got := header.Get("amogate-wait-ms"); len(got) != 1 || got[0] != want {
				t.Errorf("call %d: header %v, want %s", i, got, want)
			}
		}
		stream, err := r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
		if err != io.EOF { //nolint:errorlint // grpc returns it as it is
			t.Fatal(err)
		}
		if got := stream.Trailer().Get("amogate-wait-ms"); len(got) != 1 || len(got[0]) < 3 {
			t.Errorf("trailer of a list %v, want its waits", got)
		}
		if header, err := stream.Header(); err != nil || len(header.Get("amogate-wait-ms")) != 0 {
			t.Errorf("header of a list %v, %v; want none: it left before", header, err)
		}
	})
}
