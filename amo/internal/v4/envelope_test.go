package v4

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
)

func TestDecodeList_envelopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		ids        []int64
		next       bool
		bad        bool
	}{
		{"no body", "", nil, false, false},
		{"blank body", " \r\n", nil, false, false},
		{"list", `{"_page":1,"_embedded":{"customers":[{"id":1},{"id":"2"}]}}`, []int64{1, 2}, false, false},
		{"numbered object for a list", `{"_embedded":{"customers":{"1":{"id":2},"0":{"id":1}}}}`, []int64{1, 2}, false, false},
		{"empty list", `{"_embedded":{"customers":[]}}`, nil, false, false},
		{"null for a list", `{"_embedded":{"customers":null}}`, nil, false, false},
		{"no key", `{"_page":1,"_embedded":{}}`, nil, false, false},
		{"empty array for an object", `{"_embedded":[]}`, nil, false, false},
		{"no _embedded", `{"_total_items":0}`, nil, false, false},
		{"next", `{"_links":{"next":{"href":"https://x/?page=2"}},"_embedded":{"customers":[{"id":1}]}}`, []int64{1}, true, false},
		{"next on an empty page", `{"_links":{"next":{"href":"x"}},"_embedded":{"customers":[]}}`, nil, true, false},
		{"next is null", `{"_links":{"next":null},"_embedded":{"customers":[{"id":1}]}}`, []int64{1}, false, false},
		{"next is empty", `{"_links":{"next":{"href":""}},"_embedded":{"customers":[{"id":1}]}}`, []int64{1}, false, false},
		{"next is a list", `{"_links":{"next":[]},"_embedded":{"customers":[{"id":1}]}}`, []int64{1}, false, false},
		{"links of old", `{"_links":{"self":{"href":"/api/v4/x","method":"get"}},"_embedded":{"customers":[{"id":1}]}}`, []int64{1}, false, false},
		{"links are a list", `{"_links":[],"_embedded":{"customers":[{"id":1}]}}`, []int64{1}, false, false},
		{"bare object", `{"id":1,"_embedded":{"tags":[{"id":2}]}}`, []int64{1}, false, false},
		{"bare object, id last", `{"_embedded":{"tags":[{"id":2}]},"id":1}`, []int64{1}, false, false},
		{"bare array", `[{"id":1},{"id":2}]`, []int64{1, 2}, false, false},
		{"errors that are none", `{"errors":[],"_embedded":{"errors":{},"customers":[{"id":1}]}}`, []int64{1}, false, false},
		{"unknown keys", `{"_page":1,"x":{"y":[1]},"_embedded":{"customers":[{"id":1,"x":{}}],"y":[]}}`, []int64{1}, false, false},
		{"another key", `{"_embedded":{"leads":[{"id":1}]}}`, nil, false, true},
		{"errors beside rows", `{"_embedded":{"customers":[{"id":1}],"errors":[{"code":"X","detail":"d"}]}}`, nil, false, true},
		{"row without an id", `{"_embedded":{"customers":[{"id":1},{}]}}`, nil, false, true},
		{"row that is no object", `{"_embedded":{"customers":[{"id":1},2]}}`, nil, false, true},
		{"row that is null", `{"_embedded":{"customers":[null]}}`, nil, false, true},
		{"empty object", `{}`, nil, false, true},
		{"null", `null`, nil, false, true},
		{"text", `"x"`, nil, false, true},
		{"cut", `{"_embedded":{"customers":[{"id":1}`, nil, false, true},
		{"tail", `{"_embedded":{"customers":[]}}x`, nil, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			page, err := decodeCustomers(moscowEnv(t), []byte(c.body))
			if c.bad {
				if err == nil || len(page.Rows) != 0 {
					t.Fatalf("got %+v and error %v", page, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			for _, row := range page.Rows {
				ids = append(ids, row.GetId())
			}
			if diff := cmp.Diff(c.ids, ids); diff != "" || page.Next != c.next {
				t.Errorf("next is %v\n%s", page.Next, diff)
			}
		})
	}
}

func TestDecodeWrite_shapes(t *testing.T) {
	t.Parallel()
	type row struct{ ID, RequestID int64 }
	for _, c := range []struct {
		name, body string
		rows       []row
		all, bad   bool
	}{
		{"no body", "", nil, true, false},
		{"request ids as texts", `{"_embedded":{"customers":[{"id":5,"request_id":"1"},{"id":6,"request_id":"2"}]}}`, []row{{5, 1}, {6, 2}}, false, false},
		{"request ids as numbers", `{"_embedded":{"customers":[{"id":5,"request_id":2}]}}`, []row{{5, 2}}, false, false},
		{"request ids as lists", `{"_embedded":{"customers":[{"id":5,"request_id":["x","3"]}]}}`, []row{{5, 3}}, false, false},
		{"no request ids", `{"_embedded":{"customers":[{"id":5},{"id":6,"request_id":null}]}}`, []row{{5, 0}, {6, 0}}, false, false},
		{"upstream's own counting", `{"_embedded":{"customers":[{"id":5,"request_id":"0"},{"id":6,"request_id":"1"}]}}`, []row{{5, 0}, {6, 0}}, false, false},
		{"rows under another name", `{"_embedded":{"leads":[{"id":5,"request_id":"1"}]}}`, []row{{5, 1}}, false, false},
		{"both names", `{"_embedded":{"leads":[{"id":9}],"customers":[{"id":5}]}}`, []row{{5, 0}}, false, false},
		{"bare object", `{"id":5,"updated_at":1,"_links":{}}`, []row{{5, 0}}, false, false},
		{"odd time", `{"id":5,"updated_at":"yesterday"}`, []row{{5, 0}}, false, false},
		{"row without an id", `{"_embedded":{"customers":[{"request_id":"1"}]}}`, nil, false, true},
		{"no rows", `{"_embedded":{"customers":[]}}`, nil, false, true},
		{"no json", `Accepted`, nil, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, err := decodeCustomerWrite(driver.OpUpdate, []byte(c.body))
			if c.bad {
				_ = wantFailure(t, err, driver.KindBadResponse)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var rows []row
			for _, item := range reply.Items {
				rows = append(rows, row{item.ID, item.RequestID})
			}
			if diff := cmp.Diff(c.rows, rows); diff != "" || reply.All != c.all {
				t.Errorf("all is %v\n%s", reply.All, diff)
			}
		})
	}
}

func TestDecodeWrite_errorsInside(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"_embedded":{"customers":[{"id":5,"request_id":"1"}],"errors":[{"request_id":"2","errors":[{"code":"InvalidType","path":"next_date","detail":"d"}]}]}}`,
		`{"errors":[{"request_id":2,"errors":{"code":"InvalidType","path":"next_date","detail":"d"}}],"_embedded":{"customers":[{"id":5,"request_id":"1"}]}}`,
	} {
		reply, err := decodeCustomerWrite(driver.OpCreate, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if len(reply.Items) != 1 || len(reply.Errors) != 1 {
			t.Fatalf("got %+v", reply)
		}
		e := reply.Errors[0]
		if e.Index != 1 || e.Err.Kind != driver.KindUpstreamInvalid || faultyPaths(e.Err) != "next_purchase_time" || e.Err.Op != "customers.create" {
			t.Errorf("got %+v: %v", e, e.Err)
		}
	}
}
