package e2e

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// A caller of a list must know at once that its request is good, however long
// upstream takes for the first page.
func TestList_headersLeaveBeforeTheFirstRow(t *testing.T) {
	const latency = 20 * time.Second
	t.Run("gRPC", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t, setup{emulator: emulator.Config{Customers: 1, Latency: latency}})
			began := time.Now()
			stream, err := s.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Header(); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited > 0 {
				t.Errorf("the header came after %v", waited)
			}
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited < latency {
				t.Errorf("the first row came after %v, before upstream answered", waited)
			}
		})
	})
	t.Run("REST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t, setup{emulator: emulator.Config{Customers: 1, Latency: latency}})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/v1/customers:stream", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			resp, err := s.rest.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if waited := time.Since(began); resp.StatusCode != http.StatusOK || waited > 0 {
				t.Errorf("status %d after %v, want 200 at once", resp.StatusCode, waited)
			}
		})
	})
}
