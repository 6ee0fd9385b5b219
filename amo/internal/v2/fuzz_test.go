package v2_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
)

// checkDecodeError fails the test unless err is nil or says that the answer is
// no good.
func checkDecodeError(t *testing.T, err error) {
	t.Helper()
	e := (*driver.Error)(nil)
	if err != nil && (!errors.As(err, &e) || e.Kind != driver.KindBadResponse && e.Kind != driver.KindTooLarge) {
		t.Errorf("got %T %v", err, err)
	}
}

func FuzzDecodeList(f *testing.F) {
	for _, file := range []string{"list_reply.json", "full_reply.json"} {
		f.Add(readTestdata(f, file))
	}
	for _, c := range fieldCases {
		f.Add([]byte(`{"_embedded":{"items":[{"id":1,"custom_fields":[{"id":` + strconv.FormatInt(c.id, 10) + `,"values":` + c.read + `}]}]}}`))
	}
	f.Add([]byte(`{"_embedded":{"items":{"2":{"id":1},"1":{"id":2}}}}`))
	env := testEnv(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := customers.DecodeList(env, body)
		checkDecodeError(t, err)
		if err != nil && len(page.Rows) != 0 {
			t.Error("rows beside an error")
		}
		scanned, _ := customers.Scan(body)
		// The memory of the answer is used again.
		answer := bytes.Clone(body)
		again, _ := customers.DecodeList(env, answer)
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
			// It fails on strings that are no UTF-8.
			if _, err := proto.Marshal(row); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzDecodeWrite(f *testing.F) {
	for _, file := range []string{"add_reply.json", "update_reply.json", "delete_reply.json"} {
		f.Add(readTestdata(f, file))
	}
	f.Add([]byte(`{"_embedded":{"items":[],"errors":{"update":{"5":"Last modified date is older than in database"}}}}`))
	f.Add([]byte(`{"_embedded":{"items":[{"id":1,"request_id":1}],"errors":{"add":[{"code":244},"x"]}}}`))
	f.Add([]byte(`{"_embedded":{"items":{"deleted":{"5":true}},"errors":[{"msg":"x","code":1,"item":{}}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range []driver.Op{driver.OpCreate, driver.OpUpdate, driver.OpDelete} {
			reply, err := customers.DecodeWrite(op, body)
			checkDecodeError(t, err)
			for _, item := range reply.Items {
				if item.ID <= 0 {
					t.Error("an item has no id")
				}
			}
			for _, e := range reply.Errors {
				if e.Err == nil || e.Index < -1 {
					t.Errorf("got %+v", e)
				}
			}
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	for _, status := range []int{200, 204, 301, 400, 401, 402, 403, 404, 426, 429, 500, 504} {
		for _, body := range []string{"", page, legacy("110"), legacy("402"), `{"title":"x","status":403,"detail":"y?a=b"}`, `{"error":{"code":1}}`} {
			f.Add(status, "https://shop.kommo.com/?a=b", "5", []byte(body))
		}
	}
	asked := &url.URL{Scheme: "https", Host: "shop.amocrm.ru"}
	f.Fuzz(func(t *testing.T, status int, location, after string, body []byte) {
		header := http.Header{"Location": {location}, "Retry-After": {after}, "Date": {after}}
		r := driver.Response{URL: asked, Status: status, Header: header, Body: body}
		for _, e := range []*driver.Error{customers.DecodeError(r), v2.DecodeError(r)} {
			if e == nil {
				if status < 200 || status > 299 {
					t.Errorf("status %d is taken for a success", status)
				}
				continue
			}
			if e.Message == "" || len([]rune(e.Message)) > 300 || e.RetryAfter < 0 || e.Status != status {
				t.Errorf("got %+v", e)
			}
		}
		checkLoginError(t, v2.DecodeLogin(r))
	})
}

func checkLoginError(t *testing.T, err error) {
	t.Helper()
	e := (*driver.Error)(nil)
	if err != nil && (!errors.As(err, &e) || e == nil) {
		t.Errorf("got %T %v", err, err)
	}
}

func FuzzDecodeAccount(f *testing.F) {
	for _, file := range []string{"account_recorded.json", "account_documented.json"} {
		f.Add(readTestdata(f, file))
	}
	f.Add([]byte(`{"id":1,"timezone":"UTC","_embedded":{"custom_fields":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		env, err := v2.DecodeAccount(body)
		checkDecodeError(t, err)
		if err == nil && (env == nil || env.Location == nil) {
			t.Error("neither an account nor an error")
		}
	})
}

func FuzzDecodeTransactions(f *testing.F) {
	f.Add(readTestdata(f, "transaction_list_reply.json"))
	f.Add([]byte(`{"_embedded":{"items":{"2":{"id":"1","price":"1e3","date":-1},"1":{"id":2,"customer":[]}}}}`))
	env := testEnv(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := transactions.DecodeList(env, body)
		checkDecodeError(t, err)
		if err != nil && len(page.Rows) != 0 {
			t.Error("rows beside an error")
		}
		for _, row := range page.Rows {
			if row.GetId() <= 0 || row.GetCustomerId() < 0 {
				t.Errorf("got %v", row)
			}
			if _, err := proto.Marshal(row); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzDecodeTransactionWrite(f *testing.F) {
	f.Add(readTestdata(f, "transaction_add_reply.json"))
	f.Add([]byte(`{"_embedded":{"items":{"delete":{"5":{"price":1},"6":true}},"errors":{"add":{"0":"x"}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range []driver.Op{driver.OpCreate, driver.OpUpdate, driver.OpDelete} {
			reply, err := transactions.DecodeWrite(op, body)
			checkDecodeError(t, err)
			for _, item := range reply.Items {
				if item.ID <= 0 || item.RequestID != 0 {
					t.Errorf("got %+v", item)
				}
			}
			for _, e := range reply.Errors {
				if e.Err == nil || e.Index < -1 || op == driver.OpCreate && e.Err.Kind == driver.KindNotFound {
					t.Errorf("got %+v", e)
				}
			}
		}
	})
}

func FuzzDecodePeriods(f *testing.F) {
	for _, file := range []string{"period_list_reply.json", "period_replace_reply.json"} {
		f.Add(readTestdata(f, file))
	}
	f.Add([]byte(`{"_embedded":{"items":{"1":{"id":"1","type":null,"sort":"2"}},"errors":{"update":[]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		set, err := periods.Decode(body)
		if e := (*driver.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Errorf("got %T %v", err, err)
		}
		if err != nil && len(set) != 0 {
			t.Error("periods beside an error")
		}
		for _, p := range set {
			if p.GetId() <= 0 {
				t.Error("a period has no id")
			}
			if _, err := proto.Marshal(p); err != nil {
				t.Error(err)
			}
		}
	})
}
