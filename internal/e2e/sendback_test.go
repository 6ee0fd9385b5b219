package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// TestSendBack_changesNothing reads customers over REST and sends each answer
// back as it is: whatever a body holds, the record reads as it did before.
func TestSendBack_changesNothing(t *testing.T) {
	for name, generation := range map[string]amo.Generation{"v2": amo.V2, "v4": amo.V4, "auto": amo.Auto} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const customers = 60
				s := newStack(t, setup{
					emulator: emulator.Config{Customers: customers},
					client:   amo.Config{Generation: generation},
				})
				seen := 0
				for stored := range s.emulator.Customers() {
					seen++
					s.sendBack(t, stored.ID)
				}
				if seen != customers {
					t.Errorf("%d customers, want %d", seen, customers)
				}
			})
		})
	}
}

// sendBack reads a customer, sends it back and reads it again.
func (s *stack) sendBack(t *testing.T, id int64) {
	t.Helper()
	url := fmt.Sprintf("%s/v1/customers/%d", s.base, id)
	body := sendBody(t, s, http.MethodGet, url, nil)
	sendBody(t, s, http.MethodPatch, url, body)
	before, after := readCustomer(t, body), readCustomer(t, sendBody(t, s, http.MethodGet, url, nil))
	if before.GetUpdateTime().AsTime().Equal(after.GetUpdateTime().AsTime()) {
		t.Errorf("customer %d was not written", id)
	}
	times := protocmp.IgnoreFields(&amogatev1.Customer{}, "update_time", "updated_by")
	if diff := cmp.Diff(before, after, protocmp.Transform(), times); diff != "" {
		t.Errorf("customer %d changed (-before +after):\n%s", id, diff)
	}
}

func readCustomer(t *testing.T, body []byte) *amogatev1.Customer {
	t.Helper()
	c := &amogatev1.Customer{}
	if err := protojson.Unmarshal(body, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func sendBody(t *testing.T, s *stack, method, url string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.rest.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s %v\nsent: %s", method, url, resp.StatusCode, answer, err, body)
	}
	return answer
}
