package v4

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// wantUnderstood fails the test unless err is nil or one of an answer that
// cannot be understood. What upstream itself reports inside of an answer is
// another matter.
func wantUnderstood(t *testing.T, err error) {
	t.Helper()
	if e := (*driver.Error)(nil); err != nil && !errors.As(err, &e) {
		t.Errorf("got %T %v", err, err)
	}
}

func addFixtures(f *testing.F, names ...string) {
	f.Helper()
	for _, name := range names {
		f.Add(readFixture(f, name))
	}
	for _, seed := range []string{
		``, `[]`, `{}`, `null`, `[{"id":1}]`, `{"id":1,"_embedded":[]}`, `{"_embedded":{"customers":{"1":{"id":"2"}}}}`,
		`{"_links":{"next":{"href":"x"}},"_embedded":{"customers":[{"id":1,"custom_fields_values":[{"field_id":1,"field_type":"date","values":[{"value":-1}]}]}]}}`,
		`{"_embedded":{"customers":[],"errors":{"5":"Error 426."}}}`, "{\"id\":1,\"name\":\"\xff\\ud800\"}",
	} {
		f.Add([]byte(seed))
	}
}

func FuzzDecodeCustomers(f *testing.F) {
	addFixtures(f, "customer_reply.json", "customer_full_reply.json", "customers_reply.json", "customer_update_reply.json")
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := decodeCustomers(moscowEnv(t), body)
		wantUnderstood(t, err)
		if err != nil && len(page.Rows) != 0 {
			t.Error("rows beside an error")
		}
		scanned, _ := scanCustomers(body)
		// The memory of the answer is used again.
		answer := bytes.Clone(body)
		again, _ := decodeCustomers(moscowEnv(t), answer)
		clear(answer)
		for n, row := range page.Rows {
			if head := (driver.Head{ID: row.GetId(), Changed: row.GetUpdateTime().GetSeconds()}); scanned.Heads[n] != head {
				t.Errorf("found %+v, read %+v", scanned.Heads[n], head)
			}
			if !proto.Equal(row, again.Rows[n]) {
				t.Errorf("row %d changed with its answer", n)
			}
			if row.GetId() <= 0 {
				t.Error("a row has no id")
			}
			if _, err := proto.Marshal(row); err != nil {
				t.Error(err)
			}
		}
		if n, ok := countRows(body); ok && err == nil && n != len(page.Rows) {
			t.Errorf("%d rows of %d", len(page.Rows), n)
		}
	})
}

// countRows counts the rows of a plain envelope: one list under the right name,
// every name once.
func countRows(body []byte) (int, bool) {
	var document struct {
		ID       jsontext.Value `json:"id"`
		Embedded struct {
			Customers []jsontext.Value `json:"customers"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal(body, &document); err != nil || document.ID != nil || document.Embedded.Customers == nil {
		return 0, false
	}
	return len(document.Embedded.Customers), true
}

func FuzzDecodeCustomerWrite(f *testing.F) {
	addFixtures(f, "customer_create_reply.json", "customer_update_reply.json")
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range []driver.Op{driver.OpCreate, driver.OpUpdate} {
			reply, err := decodeCustomerWrite(op, body)
			wantUnderstood(t, err)
			if err == nil && !reply.All && len(reply.Items)+len(reply.Errors) == 0 {
				t.Error("nothing is said of the items")
			}
			for _, item := range reply.Items {
				if item.ID <= 0 || item.RequestID < 0 {
					t.Errorf("got %+v", item)
				}
			}
			for _, e := range reply.Errors {
				if e.Err == nil || e.Err.Message == "" || e.Index < -1 {
					t.Errorf("got %+v", e)
				}
			}
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	for _, seed := range []string{
		``, `<html>`, `{"title":"Bad Request","status":400,"detail":"Error 426."}`,
		`{"validation-errors":[{"request_id":"2","errors":[{"code":"X","path":"custom_fields_values.0.field_id","detail":"d"}]}],"status":400}`,
		`{"errors":{"5":"text"},"status":400}`, `{"errors":[{"request_id":["1"],"errors":{"code":"EntityNotFound","path":"id"}}]}`,
		`{"response":{"error":"x","error_code":"110","domain":"a.b"}}`, `{"errors":[[[[1]]]]}`, `{"status":429,"retry_after":300}`,
	} {
		for _, status := range []int{200, 302, 400, 401, 402, 403, 404, 422, 429, 504} {
			f.Add(status, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := customerErrors.decode(driver.Response{Status: status, Body: body})
		if e == nil {
			if status < 200 || status >= 300 {
				t.Errorf("%d is taken for a success", status)
			}
			return
		}
		if e.Message == "" || e.Kind == driver.KindBug || e.Kind >= driver.KindCount || e.Status != status || e.RetryAfter < 0 {
			t.Errorf("got %+v", e)
		}
		for _, item := range e.Items {
			if item.Err == nil || item.Err.Message == "" || item.Index < 0 && item.ID <= 0 {
				t.Errorf("got %+v", item)
			}
		}
		for _, field := range e.Fields {
			if field.Path == "" || field.Description == "" {
				t.Errorf("got %+v", field)
			}
		}
	})
}

func FuzzDecodeExchanges(f *testing.F) {
	addFixtures(f, "customer_links_reply.json", "account_reply.json")
	f.Add([]byte(`{"_embedded":{"subscriptions":[{"subscriber_id":5,"type":"user"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		links, err := CustomerLinks([]int64{7}).Decode(nil, body)
		wantUnderstood(t, err)
		for _, link := range links {
			if link.GetCustomerId() <= 0 || link.GetTarget() == nil {
				t.Errorf("got %v", link)
			}
		}
		subscribers, err := CustomerSubscribers(7).Decode(nil, body)
		wantUnderstood(t, err)
		for _, subscriber := range subscribers {
			if subscriber.GetSubscriber() == nil {
				t.Errorf("got %v", subscriber)
			}
		}
		events, err := Events("customer_deleted", 1, 1).Decode(nil, body)
		wantUnderstood(t, err)
		for _, event := range events.Rows {
			if event.RecordID <= 0 {
				t.Errorf("got %v", event)
			}
		}
		env, err := DecodeAccount(body)
		wantUnderstood(t, err)
		if err == nil && (env.AccountID <= 0 || env.Location == nil) {
			t.Errorf("got %+v", env)
		}
	})
}
