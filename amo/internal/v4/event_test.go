package v4_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
	v4 "github.com/amogate/amogate/amo/internal/v4"
)

func TestEvents_call(t *testing.T) {
	t.Parallel()
	call := v4.Events("customer_deleted", 1717400000, 2).Call
	if call.Method != "GET" || call.Path != "/api/v4/events" || call.Effect != driver.Read {
		t.Errorf("call %+v", call)
	}
	want := "filter[created_at][from]=1717400000 filter[type]=customer_deleted limit=100 page=2"
	var words []string
	for _, key := range []string{"filter[created_at][from]", "filter[type]", "limit", "page"} {
		words = append(words, key+"="+call.Query.Get(key))
	}
	if strings.Join(words, " ") != want || len(call.Query) != 4 {
		t.Errorf("query %v, want %s", call.Query, want)
	}
}

func TestEvents_decode(t *testing.T) {
	t.Parallel()
	x := v4.Events("customer_deleted", 1, 1)
	deleted := driver.Event{ID: "01hz8k3m5q7t9v1x3z5b7d9f1h", Type: "customer_deleted", RecordID: 701244, Second: 1717400000}
	for name, test := range map[string]struct {
		body string
		want driver.Page[driver.Event]
	}{
		"no content": {``, driver.Page[driver.Event]{}},
		"as documented": {
			`{"_page":1,"_links":{"self":{"href":"x"},"next":{"href":"y"}},"_embedded":{"events":[{"id":"01hz8k3m5q7t9v1x3z5b7d9f1h",` +
				`"type":"customer_deleted","entity_id":701244,"entity_type":"customer","created_by":0,"created_at":1717400000,` +
				`"value_after":[],"value_before":[],"account_id":1,"_links":{},"_embedded":{"entity":{"id":701244}}}]}}`,
			driver.Page[driver.Event]{Rows: []driver.Event{deleted}, Next: true},
		},
		"other spellings": {
			`{"_embedded":{"events":[{"id":"01hz8k3m5q7t9v1x3z5b7d9f1h","type":"customer_deleted","entity_id":"701244","created_at":"1717400000","value_after":{}}]}}`,
			driver.Page[driver.Event]{Rows: []driver.Event{deleted}},
		},
	} {
		got, err := x.Decode(nil, []byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(got.Rows) == 0 {
			got.Rows = nil
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for _, body := range []string{`{"_embedded":{"events":[{"id":"x"}]}}`, `{"_embedded":{"customers":[{"id":1}]}}`, `<html></html>`} {
		if _, err := x.Decode(nil, []byte(body)); err == nil {
			t.Errorf("%s was understood", body)
		}
	}
}

// Some hosts take no other size of a page than their own.
func TestLastEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rows int
		next bool
		want bool
	}{{0, false, true}, {0, true, true}, {7, false, true}, {7, true, false}, {100, false, false}, {50, false, false}} {
		if got := v4.LastEvents(driver.Page[driver.Event]{Rows: make([]driver.Event, test.rows), Next: test.next}); got != test.want {
			t.Errorf("%d rows, next %v: last %v", test.rows, test.next, got)
		}
	}
}
