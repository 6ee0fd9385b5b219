package server

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// culprit panics when the second page of a list is read, which is ahead of the
// call and in another goroutine.
type culprit struct{ http.RoundTripper }

func (c culprit) RoundTrip(r *http.Request) (*http.Response, error) {
	if offset := r.URL.Query().Get("limit_offset"); offset != "" && offset != "0" {
		panic("secret")
	}
	return c.RoundTripper.RoundTrip(r)
}

func TestServer_panicBehindACallIsThatCallsProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{
			emulator:  emulator.Config{Customers: 20},
			pageSize:  5,
			transport: func(next http.RoundTripper) http.RoundTripper { return culprit{next} },
		}, Config{})
		_, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if p := problemOf(t, err); p.code != "Internal" || p.reason != "PANIC" || strings.Contains(p.message, "secret") {
			t.Errorf("got %+v", p)
		}
		lines := r.log.lines(t, "panic")
		if len(lines) != 1 {
			t.Fatalf("%d lines of panics", len(lines))
		}
		if stack, _ := lines[0]["stack"].(string); !strings.Contains(stack, "culprit") {
			t.Errorf("the stack does not show the culprit: %v", lines[0])
		}
		if strings.Contains(r.log.String(), "secret") {
			t.Error("the log shows the value of a panic")
		}
		if _, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: 1}); err != nil {
			t.Errorf("the next call: %v", err)
		}
	})
}
