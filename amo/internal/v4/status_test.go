package v4_test

import (
	"strconv"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// listValue makes the proto of a JSON list.
func listValue(t *testing.T, text string) *structpb.ListValue {
	t.Helper()
	l := &structpb.ListValue{}
	if err := l.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return l
}

const sampleConditions = `[[{"type":"before_purchase","match":{"value":0},"conditions":[{"value":0}]}]]`

// sampleStatus is what status_reply.json tells.
func sampleStatus(t *testing.T) *amogatev1.CustomerStatus {
	t.Helper()
	return &amogatev1.CustomerStatus{
		Id: 4900025, Name: "Expected purchase", Sort: new(int32(2)), Color: "#99ccff",
		Kind: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_PURCHASE_EXPECTED, KindCode: "1",
		System: new(true), AccountId: new(int64(30123456)), Conditions: listValue(t, sampleConditions),
	}
}

// The sample is the answer to a read of one; a list has it in an envelope whose
// number of rows is not to be relied on.
func TestStatuses_DecodeList_sample(t *testing.T) {
	t.Parallel()
	sample := string(sectionFile(t, "status_reply.json"))
	for _, body := range []string{
		sample,
		`{"_total_items":6,"_links":{"next":{"href":"x"}},"_embedded":{"statuses":[` + sample + `]}}`,
	} {
		page, err := statuses.DecodeList(sectionEnv("periodicity"), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]*amogatev1.CustomerStatus{sampleStatus(t)}, page.Rows, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		if page.Next {
			t.Error("the list has one page")
		}
	}
	checkEveryField(t, sampleStatus(t), statuses.Supports)
}

func oneStatus(t *testing.T, row string) *amogatev1.CustomerStatus {
	t.Helper()
	page, err := statuses.DecodeList(sectionEnv("periodicity"), []byte(`{"_embedded":{"statuses":[`+row+`]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 1 {
		t.Fatalf("got %d rows", len(page.Rows))
	}
	return page.Rows[0]
}

func TestStatuses_DecodeList_readsEverySpelling(t *testing.T) {
	t.Parallel()
	kinds := map[string]amogatev1.CustomerStatusKind{
		`0`: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_NORMAL,
		`1`: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_PURCHASE_EXPECTED,
		`2`: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_DID_NOT_BUY,
		`3`: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_CLOSED,
		`4`: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_BOUGHT_RECENTLY,
		`5`: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_UNSPECIFIED,
	}
	for code, kind := range kinds {
		for _, spelling := range []string{code, `"` + code + `"`} {
			want := &amogatev1.CustomerStatus{Id: 1, Kind: kind, KindCode: code}
			if diff := cmp.Diff(want, oneStatus(t, `{"id":"1","type":`+spelling+`}`), protocmp.Transform()); diff != "" {
				t.Errorf("type %s: %s", spelling, diff)
			}
		}
	}
	if len(kinds) != len(amogatev1.CustomerStatusKind_name) {
		t.Error("a kind has no code")
	}
	want := &amogatev1.CustomerStatus{Id: 1, Name: "7", Sort: new(int32(0)), System: new(false), Color: "#d5d8db", AccountId: new(int64(5))}
	got := oneStatus(t, `{"id":1,"name":7,"sort":"0","is_default":0,"color":"#d5d8db","account_id":"5","type":null,"planet":1}`)
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// Conditions are free of form and kept as they are.
func TestStatuses_DecodeList_keepsConditions(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		`[]`:             `[]`,
		`{}`:             `[]`,
		`[[],[]]`:        `[[],[]]`,
		sampleConditions: sampleConditions,
		`[[{"type":"tag","options":{"name":"Tags"},"logic_operator":"or","conditions":[{"id":174,"name":"x"}],"match":{"value":[174],"logic":"or"},"tmpl":"tag_customers"}],[]]`: `[[{"type":"tag","options":{"name":"Tags"},"logic_operator":"or","conditions":[{"id":174,"name":"x"}],"match":{"value":[174],"logic":"or"},"tmpl":"tag_customers"}],[]]`,
		`{"1":[7],"0":[5]}`:         `[[5],[7]]`,
		`{"type":"tag","match":{}}`: `[{"type":"tag","match":{}}]`,
		`5`:                         `[5]`,
		`[9007199254740993]`:        `["9007199254740993"]`,
		`[null,true,"x"]`:           `[null,true,"x"]`,
	} {
		got := oneStatus(t, `{"id":1,"conditions":`+sent+`}`).GetConditions()
		if diff := cmp.Diff(listValue(t, want), got, protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", sent, diff)
		}
	}
	for _, row := range []string{`{"id":1}`, `{"id":1,"conditions":null}`} {
		if got := oneStatus(t, row).GetConditions(); got != nil {
			t.Errorf("%s: got %v", row, got)
		}
	}
}

func TestStatuses_DecodeList_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html></html>`, `{}`, `{"_embedded":{"segments":[{"id":1}]}}`, `{"_embedded":{"statuses":[{}]}}`, `{"_embedded":{"statuses":[{"id":1},5]}}`,
		`{"id":0}`, `{"id":1,"sort":2147483648}`, `{"id":1,"sort":"first"}`, `{"id":1,"is_default":"perhaps"}`,
	} {
		page, err := statuses.DecodeList(sectionEnv("periodicity"), []byte(body))
		if e := sectionError(t, err, driver.KindBadResponse); len(page.Rows) != 0 || e.Op != "customer_statuses.list" {
			t.Errorf("%s: got %d rows, operation %q", body, len(page.Rows), e.Op)
		}
	}
}

// Upstream does not document what it answers of an unknown id: to a read both
// 204 and 404 are no rows, to a write 404 is an error.
func TestStatuses_unknownID(t *testing.T) {
	t.Parallel()
	missing := problem("404", "Entity not found")
	for _, body := range [][]byte{nil, missing} {
		status := 204
		if body != nil {
			status = 404
		}
		if e := statuses.DecodeError(driver.Response{Status: status, Body: body}); e != nil {
			t.Errorf("got %v", e)
		}
		page, err := statuses.DecodeList(sectionEnv("periodicity"), body)
		if err != nil || len(page.Rows) != 0 {
			t.Errorf("got %v %v", page.Rows, err)
		}
	}
	for _, op := range []driver.Op{driver.OpUpdate, driver.OpDelete} {
		_, err := statuses.DecodeWrite(op, missing)
		if e := sectionError(t, err, driver.KindNotFound); e.Op != "customer_statuses."+string(op) || e.Status != 404 {
			t.Errorf("got %+v", e)
		}
	}
	// An answer that tells nothing must not pass for a deletion.
	for _, body := range []string{"", "<html></html>", `{}`, `{"title":"x"}`} {
		if e := statuses.DecodeError(driver.Response{Status: 404, Body: []byte(body)}); e == nil {
			t.Errorf("%q is taken for a success", body)
		}
	}
}

func TestStatuses_DecodeError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   []byte
		kind   driver.Kind
		needed string
	}{
		{"another mode", 422, problem("422", "Unprocessable Entity"), driver.KindCustomersMode, "periodicity"},
		{"customers off", 422, problem("422", "Customers disabled"), driver.KindCustomersDisabled, ""},
		{"too many statuses", 422, problem("422", "Limit exceeded"), driver.KindUpstreamInvalid, ""},
		{"validation", 422, []byte(`{"validation-errors":[{"errors":[{"code":"X","path":"name"}]}],"status":422}`), driver.KindUpstreamInvalid, ""},
		{"no right", 403, problem("403", "Forbidden"), driver.KindForbidden, ""},
		{"unknown address", 404, problem("404", "Cannot GET https://north.amocrm.ru/api/v4/x"), driver.KindBadResponse, ""},
		{"system status", 400, problem("400", "Status can not be deleted"), driver.KindUpstreamInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, decode := range []func(driver.Response) *driver.Error{statuses.DecodeError, periods.DecodeError} {
				e := decode(driver.Response{Status: c.status, Body: c.body})
				if e == nil || e.Kind != c.kind || e.Needed != c.needed || e.Mode != "" || e.Status != c.status {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
	for _, key := range []string{"name", "sort", "color"} {
		body := `{"validation-errors":[{"request_id":"1","errors":[{"code":"NotBlank","path":"` + key + `"}]}],"status":400}`
		if e := statuses.DecodeError(driver.Response{Status: 400, Body: []byte(body)}); sectionPaths(e) != key {
			t.Errorf("%s: got %+v", key, e)
		}
	}
}

func TestStatuses_reads(t *testing.T) {
	t.Parallel()
	const path = "/api/v4/customers/statuses"
	list, err := statuses.List(sectionEnv("periodicity"), nil, 0, 250)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		call, want driver.Call
	}{
		"list":    {list, driver.Call{Name: "customer_statuses.list", Method: "GET", Path: path}},
		"one":     {statuses.ByIDs([]int64{5}), driver.Call{Name: "customer_statuses.get", Method: "GET", Path: path + "/5"}},
		"several": {statuses.ByIDs([]int64{5, 6}), driver.Call{Name: "customer_statuses.get", Method: "GET", Path: path}},
		"periods": {periods.List(), driver.Call{Name: "periods.list", Method: "GET", Path: path}},
	} {
		if diff := cmp.Diff(c.want, c.call); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, c := range []struct {
		offset int64
		limit  int
	}{{250, 250}, {0, 0}, {-1, 1}} {
		_, err := statuses.List(sectionEnv("periodicity"), nil, c.offset, c.limit)
		wantSectionError(t, err, driver.KindBug)
	}
}

func TestStatuses_limits(t *testing.T) {
	t.Parallel()
	r := statuses
	got := []any{r.Name, r.Generation, r.MaxPage, r.MaxIDs, r.MaxBatch, r.MaxUpdate, r.MaxDelete, r.Paged, r.Whole, r.FilteredIDs, r.Locks, r.TagChanges}
	want := []any{"customer_statuses", driver.V4, 250, 100, 250, 1, 1, false, true, false, false, false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.NeedsBefore(nil, []string{"name"}) || r.CheckChange(driver.Change[*amogatev1.CustomerStatus]{}) != nil || r.Local(nil) != nil || r.Group != nil {
		t.Error("a status needs more than its change")
	}
}

func TestStatuses_Create(t *testing.T) {
	t.Parallel()
	call, err := statuses.Create(sectionEnv("periodicity"), []*amogatev1.CustomerStatus{
		{Name: "A", Sort: new(int32(100)), Color: "#fffeb2"},
		{Name: "B", Sort: new(int32(0)), Id: 7, System: new(true), KindCode: "1", AccountId: new(int64(5))},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Call{
		Name: "customer_statuses.create", Method: "POST", Path: "/api/v4/customers/statuses", Effect: driver.Create,
		Body: []byte(`[{"name":"A","sort":100,"color":"#fffeb2","request_id":"1"},{"name":"B","sort":0,"request_id":"2"}]`),
	}
	if diff := cmp.Diff(want, call); diff != "" {
		t.Error(diff)
	}
}

// statusCases tell what a change of each field alone sends; a field without a
// case cannot be written.
var statusCases = map[string]struct {
	value *amogatev1.CustomerStatus
	want  string
}{
	"name":  {&amogatev1.CustomerStatus{Name: "A", Sort: new(int32(3)), Color: "#000000"}, `{"name":"A","request_id":"1"}`},
	"sort":  {&amogatev1.CustomerStatus{Name: "A", Sort: new(int32(0)), Color: "#000000"}, `{"sort":0,"request_id":"1"}`},
	"color": {&amogatev1.CustomerStatus{Name: "A", Sort: new(int32(3)), Color: "#d5d8db"}, `{"color":"#d5d8db","request_id":"1"}`},
}

func TestStatuses_Update_writesEachFieldAlone(t *testing.T) {
	t.Parallel()
	fields := (&amogatev1.CustomerStatus{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		path := string(fields.Get(i).Name())
		c, ok := statusCases[path]
		if statuses.Supports(driver.OpUpdate, path) != ok || statuses.Supports(driver.OpCreate, path) != ok {
			t.Errorf("%s: the answer of Supports is wrong", path)
		}
		if !ok {
			err := statuses.Check(sectionEnv("periodicity"), driver.OpUpdate, &amogatev1.CustomerStatus{}, []string{path})
			if e := sectionError(t, err, driver.KindInvalid); sectionPaths(e) != path {
				t.Errorf("got %v", e)
			}
			continue
		}
		if err := statuses.Check(sectionEnv("periodicity"), driver.OpUpdate, c.value, []string{path}); err != nil {
			t.Error(err)
		}
		call, err := statuses.Update(sectionEnv("periodicity"), []driver.Change[*amogatev1.CustomerStatus]{{ID: 5, Value: c.value, Paths: []string{path}}})
		if err != nil {
			t.Fatal(err)
		}
		want := driver.Call{Name: "customer_statuses.update", Method: "PATCH", Path: "/api/v4/customers/statuses/5", Effect: driver.Set, Body: []byte(c.want)}
		if diff := cmp.Diff(want, call); diff != "" {
			t.Error(diff)
		}
	}
	_, err := statuses.Update(sectionEnv("periodicity"), make([]driver.Change[*amogatev1.CustomerStatus], 2))
	wantSectionError(t, err, driver.KindBug)
}

func TestStatuses_Check(t *testing.T) {
	t.Parallel()
	type status = amogatev1.CustomerStatus
	for _, c := range []struct {
		name  string
		op    driver.Op
		value *status
		paths []string
		// path is empty when it can be written.
		path string
	}{
		{"the least", driver.OpCreate, &status{Name: "A", Sort: new(int32(0))}, nil, ""},
		{"what was read", driver.OpCreate, sampleStatus(t), nil, ""},
		{"no name", driver.OpCreate, &status{Sort: new(int32(0))}, nil, "name"},
		{"no order", driver.OpCreate, &status{Name: "A"}, nil, "sort"},
		{"neither", driver.OpCreate, &status{}, nil, "name sort"},
		{"negative order", driver.OpCreate, &status{Name: "A", Sort: new(int32(-1))}, nil, "sort"},
		{"colour of a system status", driver.OpCreate, &status{Name: "A", Sort: new(int32(0)), Color: "#FD5598"}, nil, ""},
		{"colour without #", driver.OpCreate, &status{Name: "A", Sort: new(int32(0)), Color: "fd5598"}, nil, "color"},
		{"no such field", driver.OpCreate, &status{Name: "A", Sort: new(int32(0))}, []string{"planet"}, "planet"},
		{"clear the name", driver.OpUpdate, &status{}, []string{"name"}, "name"},
		{"clear the order", driver.OpUpdate, &status{}, []string{"sort"}, "sort"},
		{"clear the colour", driver.OpUpdate, &status{}, []string{"color"}, "color"},
		{"one field", driver.OpUpdate, &status{Name: "B"}, []string{"name"}, ""},
		{"output only", driver.OpUpdate, &status{}, []string{"conditions"}, "conditions"},
		{"no such field to change", driver.OpUpdate, &status{}, []string{"planet"}, "planet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := statuses.Check(sectionEnv("periodicity"), c.op, c.value, c.paths)
			if c.path == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := sectionError(t, err, driver.KindInvalid); sectionPaths(e) != c.path || e.Op != "customer_statuses."+string(c.op) {
				t.Errorf("got %v, want %s", e, c.path)
			}
		})
	}
	for op, want := range map[driver.Op]bool{driver.OpList: true, driver.OpGet: true, driver.OpCreate: true, driver.OpUpdate: true, driver.OpDelete: true, "dance": false} {
		if statuses.Supports(op, "") != want || statuses.Supports(op, "planet") {
			t.Errorf("%s: the answer of Supports is wrong", op)
		}
	}
}

func TestStatuses_Delete(t *testing.T) {
	t.Parallel()
	want := driver.Call{Name: "customer_statuses.delete", Method: "DELETE", Path: "/api/v4/customers/statuses/5", Effect: driver.Set}
	if diff := cmp.Diff(want, statuses.Delete([]int64{5})); diff != "" {
		t.Error(diff)
	}
	if reply, err := statuses.DecodeWrite(driver.OpDelete, nil); err != nil || !reply.All {
		t.Errorf("got %v %v", reply, err)
	}
}

// A creation tells ids, a change the whole status, of which what was not sent is
// kept.
func TestStatuses_DecodeWrite(t *testing.T) {
	t.Parallel()
	created, err := statuses.DecodeWrite(driver.OpCreate, []byte(`{"_total_items":2,"_embedded":{"statuses":[{"id":5,"request_id":"1","_links":{}},{"id":6,"request_id":"2"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := driver.WriteReply{Items: []driver.WriteItem{{ID: 5, RequestID: 1}, {ID: 6, RequestID: 2}}}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Error(diff)
	}
	changed, err := statuses.DecodeWrite(driver.OpUpdate, sectionFile(t, "status_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want = driver.WriteReply{Items: []driver.WriteItem{{ID: 4900025, Told: &amogatev1.CustomerStatus{
		Kind: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_PURCHASE_EXPECTED, KindCode: "1", System: new(true), AccountId: new(int64(30123456)),
	}}}}
	if diff := cmp.Diff(want, changed, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	// What else it says does not cost the id.
	odd, err := statuses.DecodeWrite(driver.OpUpdate, []byte(`{"id":5,"sort":"x"}`))
	if diff := cmp.Diff(driver.WriteReply{Items: []driver.WriteItem{{ID: 5}}}, odd); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	for _, body := range []string{`{}`, `[]`, `<html></html>`, `{"id":0}`, `{"_embedded":{"statuses":[]}}`} {
		_, err := statuses.DecodeWrite(driver.OpUpdate, []byte(body))
		if e := sectionError(t, err, driver.KindBadResponse); e.Op != "customer_statuses.update" {
			t.Errorf("%s: operation %q", body, e.Op)
		}
	}
}

// A valid status, written and read back, is the same.
func TestStatuses_surviveUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		env := sectionEnv("periodicity")
		want := &amogatev1.CustomerStatus{
			Name:  "x" + rapid.String().Draw(rt, "name"),
			Sort:  new(rapid.Int32Min(0).Draw(rt, "sort")),
			Color: rapid.StringMatching(`(#[0-9A-Fa-f]{6})?`).Draw(rt, "color"),
		}
		if err := statuses.Check(env, driver.OpCreate, want, nil); err != nil {
			rt.Fatal(err)
		}
		call, err := statuses.Create(env, []*amogatev1.CustomerStatus{want})
		if err != nil {
			rt.Fatal(err)
		}
		var sent []map[string]jsontext.Value
		if err := json.Unmarshal(call.Body, &sent); err != nil {
			rt.Fatal(err)
		}
		want.Id = rapid.Int64Min(1).Draw(rt, "id")
		sent[0]["id"] = jsontext.Value(strconv.FormatInt(want.GetId(), 10))
		row, err := json.Marshal(sent[0])
		if err != nil {
			rt.Fatal(err)
		}
		page, err := statuses.DecodeList(env, row)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff([]*amogatev1.CustomerStatus{want}, page.Rows, protocmp.Transform()); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func FuzzDecodeStatuses(f *testing.F) {
	f.Add(sectionFile(f, "status_reply.json"))
	f.Add([]byte(`{"_embedded":{"statuses":[{"id":1,"type":3,"conditions":[[{"type":"after_today","match":{"value":"60"}}],[]]},{"id":2,"conditions":{"type":"x"}}]}}`))
	f.Add(problem("404", "x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := statuses.DecodeList(sectionEnv("periodicity"), body)
		checkDecoded(t, err)
		for _, row := range page.Rows {
			checkRow(t, row, row.GetId())
		}
		set, periodErr := periods.Decode(body)
		checkDecoded(t, periodErr)
		if err == nil && periodErr == nil && len(set) != len(page.Rows) {
			t.Errorf("%d periods of %d statuses", len(set), len(page.Rows))
		}
		for _, p := range set {
			checkRow(t, p, p.GetId())
			if p.GetLengthDays() < 0 || p.GetSort() < 0 {
				t.Errorf("got %v", p)
			}
		}
		for _, op := range []driver.Op{driver.OpCreate, driver.OpUpdate, driver.OpDelete} {
			_, err := statuses.DecodeWrite(op, body)
			checkDecoded(t, err)
		}
	})
}
