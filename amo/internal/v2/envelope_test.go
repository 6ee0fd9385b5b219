package v2_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
)

func TestCustomers_DecodeWrite_items(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		body string
		want []driver.WriteItem
	}{
		{"list", `{"_embedded":{"items":[{"id":5,"request_id":1},{"id":"6","request_id":"2"}]}}`, []driver.WriteItem{{ID: 5, RequestID: 1}, {ID: 6, RequestID: 2}}},
		{"time of change in milliseconds", `{"_embedded":{"items":[{"id":5,"updated_at":1619342253000,"_link":{}}]}}`, []driver.WriteItem{{ID: 5}}},
		{"empty list", `{"_embedded":{"items":[]}}`, nil},
		{"empty object", `{"_embedded":{"items":{}}}`, nil},
		{"list as an object", `{"_embedded":{"items":{"0":{"id":5},"1":{"id":6}}}}`, []driver.WriteItem{{ID: 5}, {ID: 6}}},
		{"object by id", `{"_embedded":{"items":{"5":{"id":5,"name":"A"},"6":{"name":"B"}}}}`, []driver.WriteItem{{ID: 5, Name: "A"}, {ID: 6, Name: "B"}}},
		{"deleted", `{"_embedded":{"items":{"deleted":[{"id":5,"name":"A"},6,"7"]}}}`, []driver.WriteItem{{ID: 5, Name: "A"}, {ID: 6}, {ID: 7}}},
		{"deleted by id", `{"_embedded":{"items":{"deleted":{"5":{"id":5,"name":"A"},"6":true}}}}`, []driver.WriteItem{{ID: 5, Name: "A"}, {ID: 6}}},
		{"deleted by id, some not", `{"_embedded":{"items":{"5":true,"6":false,"7":null}}}`, []driver.WriteItem{{ID: 5}}},
		{"nothing deleted", `{"_embedded":{"items":{"deleted":[]}}}`, nil},
		{"written and deleted", `{"_embedded":{"items":{"0":{"id":5,"request_id":1},"deleted":[{"id":6,"name":null}]}}}`, []driver.WriteItem{{ID: 5, RequestID: 1}, {ID: 6}}},
		{"one item alone", `{"_embedded":{"items":{"id":5,"name":"A"}}}`, []driver.WriteItem{{ID: 5, Name: "A"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, err := customers.DecodeWrite(driver.OpUpdate, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(driver.WriteReply{Items: c.want}, reply); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// itemRefusal is an ItemError without the texts.
type itemRefusal struct {
	ID    int64
	Index int
	Stale bool
	Kind  driver.Kind
	Code  string
}

func TestCustomers_DecodeWrite_errors(t *testing.T) {
	t.Parallel()
	const staleText = `"Last modified date is older than in database"`
	for _, c := range []struct {
		name string
		op   driver.Op
		body string
		want []itemRefusal
	}{
		{"stale", driver.OpUpdate, `{"items":[],"errors":{"update":{"59144296":` + staleText + `}}}`, []itemRefusal{{59144296, -1, true, driver.KindConflict, ""}}},
		{"stale beside written", driver.OpUpdate, `{"items":[{"id":5}],"errors":{"update":{"7":` + staleText + `,"6":"No rights"}}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, ""}, {7, -1, true, driver.KindConflict, ""}}},
		{"objects by id", driver.OpUpdate, `{"errors":{"update":{"6":{"code":244,"message":"no rights"}}}}`, []itemRefusal{{6, -1, false, driver.KindForbidden, "244"}}},
		{"list of objects", driver.OpUpdate, `{"items":[],"errors":{"update":[{"id":6,"code":"211","message":"field"},{"code":288}]}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, "211"}, {0, -1, false, driver.KindForbidden, "288"}}},
		{"no such record", driver.OpUpdate, `{"items":[],"errors":{"update":{"6":"Customer not found"}}}`, []itemRefusal{{6, -1, false, driver.KindNotFound, ""}}},
		{"list of texts", driver.OpCreate, `{"items":[],"errors":{"add":["bad name","bad date"]}}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, ""}, {0, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"objects with request ids", driver.OpCreate, `{"items":[],"errors":{"add":[{"request_id":"3","code":"204","message":"x"}]}}`, []itemRefusal{{0, 2, false, driver.KindUpstreamInvalid, "204"}}},
		{"texts by index", driver.OpCreate, `{"items":[{"id":5,"request_id":2}],"errors":{"add":{"0":"x","2":"y"}}}`, []itemRefusal{{0, 0, false, driver.KindUpstreamInvalid, ""}, {0, 2, false, driver.KindUpstreamInvalid, ""}}},
		{"texts by index, since 1 was written", driver.OpCreate, `{"items":[{"id":5,"request_id":1}],"errors":{"add":{"1":"x"}}}`, []itemRefusal{{0, 1, false, driver.KindUpstreamInvalid, ""}}},
		{"texts by request id", driver.OpCreate, `{"items":[{"id":5,"request_id":2}],"errors":{"add":{"1":"x"}}}`, []itemRefusal{{0, 0, false, driver.KindUpstreamInvalid, ""}}},
		{"texts by either", driver.OpCreate, `{"items":[{"id":5,"request_id":1}],"errors":{"add":{"2":"x"}}}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"flat list", driver.OpCreate, `{"items":[],"errors":[{"msg":"Entity not found","code":263,"item":{"name":"A"}}]}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, "263"}}},
		{"flat object by id", driver.OpDelete, `{"items":{"deleted":[]},"errors":{"6":"no rights"}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"deletions", driver.OpDelete, `{"items":{"deleted":[]},"errors":{"delete":{"6":{"code":288}}}}`, []itemRefusal{{6, -1, false, driver.KindForbidden, "288"}}},
		{"one text for all", driver.OpCreate, `{"items":[],"errors":{"add":"broken"}}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"one object", driver.OpCreate, `{"items":[],"errors":{"add":{"code":204,"message":"x"}}}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, "204"}}},
		{"no such field", driver.OpUpdate, `{"items":[],"errors":{"update":{"6":"Custom field not found"}}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"no such contact", driver.OpUpdate, `{"items":[],"errors":{"update":{"6":"Contact not found"}}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"one object with msg", driver.OpCreate, `{"items":[],"errors":{"add":{"msg":"x","item":{}}}}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"one object with message", driver.OpUpdate, `{"items":[],"errors":{"update":{"message":"x","id":6}}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"negative id", driver.OpUpdate, `{"items":[],"errors":{"update":[{"id":-6,"message":"x"}]}}`, []itemRefusal{{0, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"texts in a list", driver.OpUpdate, `{"items":[],"errors":{"update":{"6":["Customer not found",""]}}}`, []itemRefusal{{6, -1, false, driver.KindNotFound, ""}}},
		{"texts by field", driver.OpUpdate, `{"items":[],"errors":{"update":{"6":{"message":{"name":["x"]},"code":204}}}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, "204"}}},
		{"flag", driver.OpUpdate, `{"items":[],"errors":{"update":{"6":true}}}`, []itemRefusal{{6, -1, false, driver.KindUpstreamInvalid, ""}}},
		{"empty list", driver.OpUpdate, `{"items":[{"id":5}],"errors":[]}`, nil},
		{"empty lists", driver.OpUpdate, `{"items":[{"id":5}],"errors":{"update":[],"add":{}}}`, nil},
		{"null", driver.OpUpdate, `{"items":[{"id":5}],"errors":null}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, err := customers.DecodeWrite(c.op, []byte(`{"_embedded":`+c.body+`}`))
			if err != nil {
				t.Fatal(err)
			}
			var got []itemRefusal
			for _, e := range reply.Errors {
				got = append(got, itemRefusal{e.ID, e.Index, e.Stale, e.Err.Kind, e.Err.Code})
				if e.Err.Message == "" || e.Err.Op != "customers."+string(c.op) || e.Err.ID != e.ID {
					t.Errorf("got %+v", e.Err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCustomers_DecodeWrite_namesTheFaultyField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ failure, path string }{
		{`{"code":204,"message":"Field not found"}`, "custom_fields"},
		{`"next_date is required"`, "next_purchase_time"},
		{`"Wrong value of contacts_id[0]"`, "contact_ids"},
		{`["next_price","is wrong"]`, "next_price"},
		{`{"message":{"next_price":["is wrong"]}}`, "next_price"},
	} {
		reply, err := customers.DecodeWrite(driver.OpCreate, []byte(`{"_embedded":{"items":[],"errors":{"add":[`+c.failure+`]}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if fields := reply.Errors[0].Err.Fields; len(fields) != 1 || fields[0].Path != c.path || fields[0].Description == "" {
			t.Errorf("%s: got %v, want %s", c.failure, fields, c.path)
		}
	}
}

// After a write nothing may be taken for written that was not said to be.
func TestCustomers_DecodeWrite_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, ` `, `{}`, `[]`, `null`, `<html></html>`,
		`{"_embedded":{}}`,
		`{"_embedded":{"items":[{"id":5}]}`,
		`{"_embedded":{"items":[{}]}}`,
		`{"_embedded":{"items":[{"id":0}]}}`,
		`{"_embedded":{"items":[{"name":"A"}]}}`,
		`{"_embedded":{"items":["five"]}}`,
		`{"_embedded":{"items":[null]}}`,
		`{"_embedded":{"items":"five"}}`,
		`{"_embedded":{"items":[[[[[[5]]]]]]}}`,
		`{"_embedded":{"items":{"a":{"a":{"a":{"a":{"a":[]}}}}}}}`,
		`{"_embedded":{"items":[],"errors":{"update":[{"code":{"a":1}}]}}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			reply, err := customers.DecodeWrite(driver.OpCreate, []byte(body))
			e := asError(t, err, driver.KindBadResponse)
			if len(reply.Items) != 0 || e.Op != "customers.create" {
				t.Errorf("got %v and operation %q", reply.Items, e.Op)
			}
		})
	}
}
