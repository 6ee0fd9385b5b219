package gateway

import (
	"net/http"
	"testing"
)

func TestGateway_smoke(t *testing.T) {
	f := &fakeServer{}
	h := newHandler(t, f, Options{})
	r := do(t, h, http.MethodGet, "/v1/customers?page_size=3", "")
	if r.status != 200 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	t.Logf("%s %v", r.body, r.header)
	for _, c := range [][]string{
		{"GET", "/v1/customers?foo=3", ""},
		{"GET", "/v1/customers/1?foo=3", ""},
		{"GET", "/v1/customers/abc", ""},
		{"GET", "/v1/foo", ""},
		{"PUT", "/v1/customers", ""},
		{"POST", "/v1/customers", ""},
		{"POST", "/v1/customers", `{"name":"a","next_price":{"units":"x"}} `},
		{"POST", "/v1/customers", `{"name":"a","nam":3} x`},
		{"POST", "/v1/customers", `{"name":"a","nam":3, "tags":[{"name":1},{"nme":1}]}`},
		{"PATCH", "/v1/customers/3", `{"name":"a","next_price":{"units":"5"}}`},
		{"POST", "/v1/customers:batchUpdate", `{"requests":[{"id":3,"customer":{"name":null,"id":3}},{"id":"4","update_mask":"next_price.units,a_1"}]}`},
		{"GET", "/v1/customers:stream", ""},
	} {
		r := do(t, h, c[0], c[1], c[2])
		got, md := f.request()
		t.Logf("%v %d %s %v\n   %v %v", c, r.status, r.body, r.header, got, md)
	}
}
