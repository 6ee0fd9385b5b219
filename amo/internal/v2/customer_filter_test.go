package v2_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func instant(t *testing.T, text string) *timestamppb.Timestamp {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return timestamppb.New(at)
}

func TestCustomers_List(t *testing.T) {
	t.Parallel()
	from := func(text string) *amogatev1.TimeRange {
		return &amogatev1.TimeRange{StartTime: instant(t, text)}
	}
	to := func(text string) *amogatev1.TimeRange {
		return &amogatev1.TimeRange{EndTime: instant(t, text)}
	}
	both := func(start, end string) *amogatev1.TimeRange {
		return &amogatev1.TimeRange{StartTime: instant(t, start), EndTime: instant(t, end)}
	}
	for _, c := range []struct {
		name   string
		filter *amogatev1.CustomerFilter
		// want is the query behind limit_rows, limit_offset and with.
		want  string
		local string
	}{
		{"nothing", nil, "", ""},
		{"empty filter", &amogatev1.CustomerFilter{}, "", ""},
		{"search", &amogatev1.CustomerFilter{Query: "+7 (999) & Co"}, "query=%2B7+%28999%29+%26+Co", ""},
		{"users", &amogatev1.CustomerFilter{ResponsibleUserIds: []int64{5, 6}}, "filter[main_user][]=5&filter[main_user][]=6", ""},
		{"ids beside a search", &amogatev1.CustomerFilter{Ids: []int64{1}, Query: "x", ResponsibleUserIds: []int64{5}}, "query=x&filter[main_user][]=5", "ids"},
		{"everything beside ids", &amogatev1.CustomerFilter{Ids: []int64{1}, ResponsibleUserIds: []int64{5}, UpdateTime: from("2017-10-10T12:00:00Z")}, "filter[main_user][]=5&filter[date][type]=modify&filter[date][from]=09.10.2017", "responsible_user_ids update_time"},
		{"made since", &amogatev1.CustomerFilter{CreateTime: from("2017-10-10T12:00:00Z")}, "filter[date][type]=create&filter[date][from]=09.10.2017", "create_time"},
		{"changed in a range", &amogatev1.CustomerFilter{UpdateTime: both("2017-10-10T12:00:00Z", "2017-10-11T00:00:00Z")}, "filter[date][type]=modify&filter[date][from]=09.10.2017&filter[date][to]=12.10.2017", "update_time"},
		// 21:00 UTC is the next day in Moscow.
		{"days of the account's zone", &amogatev1.CustomerFilter{NextPurchaseTime: both("2017-10-10T21:00:00Z", "2017-10-31T21:00:00Z")}, "filter[next_date][from]=10.10.2017&filter[next_date][to]=02.11.2017", "next_purchase_time"},
		{"to never without from", &amogatev1.CustomerFilter{NextPurchaseTime: to("2017-10-10T12:00:00Z")}, "filter[next_date][from]=31.12.1969&filter[next_date][to]=11.10.2017", "next_purchase_time"},
		{"before the year 2000", &amogatev1.CustomerFilter{CreateTime: both("1995-05-05T12:00:00Z", "1996-05-05T12:00:00Z")}, "filter[date][type]=create&filter[date][from]=04.05.1995&filter[date][to]=06.05.1996", "create_time"},
		{"since ever", &amogatev1.CustomerFilter{CreateTime: from("0001-01-01T00:00:00Z")}, "filter[date][type]=create&filter[date][from]=31.12.1969", "create_time"},
		{"before ever", &amogatev1.CustomerFilter{CreateTime: to("0001-01-01T00:00:00Z")}, "filter[date][type]=create&filter[date][from]=31.12.1969&filter[date][to]=02.01.1970", "create_time"},
		{"until ever", &amogatev1.CustomerFilter{CreateTime: both("2017-10-10T12:00:00Z", "9999-12-31T23:59:59Z")}, "filter[date][type]=create&filter[date][from]=09.10.2017", "create_time"},
		{"both dates", &amogatev1.CustomerFilter{CreateTime: from("2017-01-10T12:00:00Z"), UpdateTime: from("2017-10-10T12:00:00Z"), NextPurchaseTime: from("2017-12-10T12:00:00Z")}, "filter[date][type]=modify&filter[date][from]=09.10.2017&filter[next_date][from]=09.12.2017", "create_time next_purchase_time update_time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, err := customers.List(testEnv(t), c.filter, 1500, 250)
			if err != nil {
				t.Fatal(err)
			}
			want, err := url.ParseQuery("limit_rows=250&limit_offset=1500&with=catalog_elements_links&" + c.want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, call.Query); diff != "" {
				t.Error(diff)
			}
			call.Query = nil
			if diff := cmp.Diff(driver.Call{Name: "customers.list", Method: "GET", Path: "/api/v2/customers", Effect: driver.Read}, call); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(strings.Fields(c.local), append([]string{}, customers.Local(c.filter)...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// However upstream reads a day (inclusive or not, from its start or its end), a
// row of the range is inside of what is asked.
func TestCustomers_List_enclosesEveryRange(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Moscow", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York", "Asia/Kathmandu"}
	const last = 253402300799
	rapid.Check(t, func(rt *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(rt, "zone"))
		if err != nil {
			rt.Fatal(err)
		}
		row := rapid.Int64Range(1, last-1).Draw(rt, "row")
		r := &amogatev1.TimeRange{}
		if rapid.Bool().Draw(rt, "start") {
			r.StartTime = &timestamppb.Timestamp{Seconds: rapid.Int64Range(-62135596800, row).Draw(rt, "start at")}
		}
		if rapid.Bool().Draw(rt, "end") {
			r.EndTime = &timestamppb.Timestamp{Seconds: rapid.Int64Range(row+1, last).Draw(rt, "end at")}
		}
		call, err := customers.List(&driver.Env{Location: zone}, &amogatev1.CustomerFilter{NextPurchaseTime: r}, 0, 1)
		if err != nil {
			rt.Fatal(err)
		}
		// The narrowest reading: strictly after the end of the first day, before
		// the start of the last one.
		from, err := time.ParseInLocation("02.01.2006", call.Query.Get("filter[next_date][from]"), zone)
		if err != nil {
			rt.Fatal(err)
		}
		if after := from.AddDate(0, 0, 1); r.GetStartTime() != nil && row >= 2*86400 && row < after.Unix() {
			rt.Fatalf("row %d is before %s", row, after)
		}
		if row < from.Unix() {
			rt.Fatalf("row %d is before %s", row, from)
		}
		if text := call.Query.Get("filter[next_date][to]"); text != "" {
			to, err := time.ParseInLocation("02.01.2006", text, zone)
			if err != nil {
				rt.Fatal(err)
			}
			if row > to.Unix() {
				rt.Fatalf("row %d is after %s", row, to)
			}
		}
	})
}

// In 2018 the clocks of São Paulo went from 3 November, 23:59:59, to 4 November,
// 01:00.
func TestCustomers_List_enclosesADayWithoutMidnight(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	call, err := customers.List(&driver.Env{Location: zone}, &amogatev1.CustomerFilter{NextPurchaseTime: &amogatev1.TimeRange{
		StartTime: instant(t, "2018-11-05T00:30:00-02:00"),
		EndTime:   instant(t, "2018-11-03T00:30:00-03:00"),
	}}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if from := call.Query.Get("filter[next_date][from]"); from != "04.11.2018" {
		t.Errorf("from %s", from)
	}
	if to := call.Query.Get("filter[next_date][to]"); to != "04.11.2018" {
		t.Errorf("to %s", to)
	}
}

func TestCustomers_List_asksForNoYearOfFiveDigits(t *testing.T) {
	t.Parallel()
	call, err := customers.List(testEnv(t), &amogatev1.CustomerFilter{NextPurchaseTime: &amogatev1.TimeRange{
		EndTime: instant(t, "9999-12-31T21:30:00Z"),
	}}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if call.Query.Has("filter[next_date][to]") || call.Query.Get("filter[next_date][from]") != "31.12.1969" {
		t.Errorf("got %v", call.Query)
	}
}

func TestCustomers_List_refusesImpossiblePages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		offset int64
		limit  int
	}{{0, 0}, {0, 501}, {-1, 5}, {0, -1}} {
		_, err := customers.List(testEnv(t), nil, c.offset, c.limit)
		wantKind(t, err, driver.KindBug)
	}
}

func TestCustomers_ByIDs(t *testing.T) {
	t.Parallel()
	want := driver.Call{
		Name: "customers.get", Method: "GET", Path: "/api/v2/customers", Effect: driver.Read,
		Query: url.Values{"id": {"3,1,2"}, "limit_rows": {"3"}, "limit_offset": {"0"}, "with": {"catalog_elements_links"}},
	}
	if diff := cmp.Diff(want, customers.ByIDs([]int64{3, 1, 2})); diff != "" {
		t.Error(diff)
	}
}

func TestCustomers_limits(t *testing.T) {
	t.Parallel()
	got := []any{customers.Name, customers.Generation, customers.MaxPage, customers.MaxIDs, customers.MaxBatch}
	if diff := cmp.Diff([]any{"customers", driver.V2, 500, 250, 250}, got); diff != "" {
		t.Error(diff)
	}
}
