package server

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestListCustomers_streamsEverythingAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 23}, pageSize: 7}, Config{})
		got, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(ids(got))))); n != 23 || len(got) != 24 {
			t.Fatalf("got %d different customers in %d messages, want 23 in 24", n, len(got))
		}
		last := got[len(got)-1]
		end := last.GetEnd()
		if end.GetRows() != 23 || end.GetPages() < 4 || end.GetRequests() < end.GetPages() ||
			end.GetCompleteness() != amogatev1.Completeness_COMPLETENESS_BEST_EFFORT || last.GetResumeToken() != "" {
			t.Errorf("end: %v", last)
		}
	})
}

func TestListCustomers_ofNothingHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		got, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if err != nil || len(got) != 1 || got[0].GetEnd() == nil {
			t.Errorf("got %v, %v; want the end alone", got, err)
		}
		page, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{})
		if err != nil || len(page.GetCustomers()) != 0 || page.GetNextPageToken() != "" {
			t.Errorf("page: %v, %v", page, err)
		}
	})
}

func TestListCustomers_resumesBehindEveryRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 11}, pageSize: 4}, Config{})
		for name, filter := range map[string]*amogatev1.CustomerFilter{
			"everything": nil,
			"filtered":   {CreateTime: &amogatev1.TimeRange{StartTime: timestamppb.New(timestamp(1))}},
		} {
			whole, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{Filter: filter}))
			if err != nil {
				t.Fatal(err)
			}
			sequence := ids(whole)
			for i, m := range whole[:len(whole)-1] {
				rest, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{Filter: filter, PageToken: m.GetResumeToken()}))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(ids(rest), sequence[i+1:]) {
					t.Errorf("%s, behind row %d: got %v, want %v", name, i, ids(rest), sequence[i+1:])
				}
				page, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{Filter: filter, PageToken: m.GetResumeToken(), PageSize: 1})
				if err != nil {
					t.Fatal(err)
				}
				if i+1 < len(sequence) && (len(page.GetCustomers()) != 1 || page.GetCustomers()[0].GetId() != sequence[i+1]) {
					t.Errorf("%s, page behind row %d: %v", name, i, page)
				}
			}
		}
	})
}

func TestListCustomersPage_sameSequenceAtEverySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 37}, pageSize: 10}, Config{})
		whole, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int32{0, 1, 5, 16, 37, 38, 1 << 30} {
			var got []int64
			token := ""
			for calls := 0; ; calls++ {
				page, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: size, PageToken: token})
				if err != nil {
					t.Fatal(err)
				}
				if limit := int(size); limit > 0 && len(page.GetCustomers()) > limit {
					t.Fatalf("page size %d: %d rows", size, len(page.GetCustomers()))
				}
				for _, c := range page.GetCustomers() {
					got = append(got, c.GetId())
				}
				if token = page.GetNextPageToken(); token == "" {
					break
				}
				if calls > 40 {
					t.Fatalf("page size %d: no end", size)
				}
			}
			if !slices.Equal(got, ids(whole)) {
				t.Errorf("page size %d: got %v, want %v", size, got, ids(whole))
			}
		}
	})
}

func TestListCustomersPage_stopsAfterFourUpstreamPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 60}, pageSize: 10}, Config{})
		whole, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		// Upstream filters by whole days at best, and by no end without a start:
		// the last customer of the list is found by looking at all before it.
		last := whole[len(whole)-2].GetCustomer()
		filter := &amogatev1.CustomerFilter{
			CreateTime: &amogatev1.TimeRange{
				StartTime: last.GetCreateTime(),
				EndTime:   timestamppb.New(last.GetCreateTime().AsTime().Add(time.Second)),
			},
			UpdateTime: &amogatev1.TimeRange{EndTime: timestamppb.New(last.GetUpdateTime().AsTime().Add(time.Second))},
		}
		found, token := 0, ""
		for calls := 1; ; calls++ {
			before := r.emulator.Stats().ByOperation[emulator.OpCustomersList]
			page, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{Filter: filter, PageToken: token})
			if err != nil {
				t.Fatal(err)
			}
			if n := r.emulator.Stats().ByOperation[emulator.OpCustomersList] - before; n > maxUpstreamPages {
				t.Errorf("call %d read %d upstream pages", calls, n)
			}
			for _, c := range page.GetCustomers() {
				if c.GetId() == last.GetId() {
					found++
				}
			}
			if token = page.GetNextPageToken(); token == "" {
				break
			}
			if calls > 10 {
				t.Fatal("no end")
			}
		}
		if found != 1 {
			t.Errorf("found the customer %d times", found)
		}
	})
}

func TestCustomers_liveOneLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		next := timestamppb.New(time.Now().Add(48 * time.Hour).Truncate(time.Second))
		created, err := r.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{
			Id: 99, Name: "Rose", NextPurchaseTime: next, NextPrice: &money.Money{Units: 1500},
			Tags: []*amogatev1.Tag{{Name: "vip"}}, UpdateTime: timestamppb.New(timestamp(5)), CompanyName: new("made up"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if created.GetId() == 0 || created.GetId() == 99 || created.GetName() != "Rose" || created.CompanyName != nil {
			t.Errorf("created: %v", created)
		}
		got, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: created.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetName() != "Rose" || got.GetNextPrice().GetUnits() != 1500 || len(got.GetTags()) != 1 || !proto.Equal(got.GetNextPurchaseTime(), next) {
			t.Errorf("got: %v", got)
		}

		updated, err := r.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{
			Id: created.GetId(), Customer: &amogatev1.Customer{Name: "Rosa"}, AddTags: []string{"new"}, ReadBack: true,
			ExpectedUpdateTime: got.GetUpdateTime(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if updated.GetName() != "Rosa" || len(updated.GetTags()) != 2 || updated.GetNextPrice().GetUnits() != 1500 {
			t.Errorf("updated and read back: %v", updated)
		}
		_, err = r.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{
			Id: created.GetId(), Customer: &amogatev1.Customer{Name: "Rosanna"}, ExpectedUpdateTime: timestamppb.New(got.GetUpdateTime().AsTime().Add(-time.Hour)),
		})
		if p := problemOf(t, err); p.code != "Aborted" || p.reason != "CONFLICT" {
			t.Errorf("update of a newer record: %+v", p)
		}
		cleared, err := r.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{
			Id: created.GetId(), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"tags"}}, ReadBack: true,
		})
		if err != nil || len(cleared.GetTags()) != 0 || cleared.GetName() != "Rosa" {
			t.Errorf("cleared tags: %v, %v", cleared, err)
		}

		if _, err := r.api.DeleteCustomer(t.Context(), &amogatev1.DeleteCustomerRequest{Id: created.GetId()}); err != nil {
			t.Fatal(err)
		}
		_, err = r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: created.GetId()})
		if p := problemOf(t, err); p.code != "NotFound" || p.reason != "UPSTREAM_NOT_FOUND" || p.id == "" {
			t.Errorf("get of a deleted customer: %+v", p)
		}
	})
}

func TestUpdateCustomer_sendsAReadCustomerBackWithAnImplicitMask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 1}}, Config{})
		page, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{})
		if err != nil {
			t.Fatal(err)
		}
		c := page.GetCustomers()[0]
		req := &amogatev1.UpdateCustomerRequest{
			Id: c.GetId(), Customer: c,
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"id", "name", "update_time", "deleted", "account_id"}},
		}
		if _, err := r.api.UpdateCustomer(t.Context(), req); problemOf(t, err).reason != "VALIDATION" {
			t.Errorf("explicit mask of read-only fields: %v", err)
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "amogate-implicit-mask", "1")
		if _, err := r.api.UpdateCustomer(ctx, req); err != nil {
			t.Errorf("implicit mask: %v", err)
		}
	})
}

// The ids of both generations are the same, their pages are not.
func TestCustomers_aTokenOfAnotherGenerationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for from, to := range map[amo.Generation]amo.Generation{amo.V2: amo.V4, amo.V4: amo.V2} {
			account := upstream{emulator: emulator.Config{Customers: 3}, generation: from}
			page, err := newRig(t, account, Config{}).api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: 1})
			if err != nil {
				t.Fatal(err)
			}
			account.generation = to
			r := newRig(t, account, Config{})
			_, ofPage := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageToken: page.GetNextPageToken()})
			_, ofStream := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{PageToken: page.GetNextPageToken()}))
			for call, err := range map[string]error{"page": ofPage, "stream": ofStream} {
				if p := problemOf(t, err); p.code != "InvalidArgument" || p.reason != "PAGE_TOKEN_INVALID" || !slices.Equal(p.fields, []string{"page_token"}) {
					t.Errorf("%s over %s with a token of %s: %+v", call, to, from, p)
				}
			}
			if n := r.emulator.Stats().Requests; n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		}
	})
}

func TestCustomers_badRequestsNameTheFieldAndCostUpstreamNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		for name, c := range map[string]struct {
			call   func(ctx context.Context) error
			reason string
			fields []string
		}{
			"stream with a bad filter": {func(ctx context.Context) error {
				_, err := all(r.api.ListCustomers(ctx, &amogatev1.ListCustomersRequest{Filter: &amogatev1.CustomerFilter{Ids: []int64{-1}}}))
				return err
			}, "VALIDATION", []string{"filter.ids[0]"}},
			"stream with a bad token": {func(ctx context.Context) error {
				_, err := all(r.api.ListCustomers(ctx, &amogatev1.ListCustomersRequest{PageToken: "nonsense"}))
				return err
			}, "PAGE_TOKEN_INVALID", []string{"page_token"}},
			"page with a bad token": {func(ctx context.Context) error {
				_, err := r.api.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageToken: "nonsense"})
				return err
			}, "PAGE_TOKEN_INVALID", []string{"page_token"}},
			"page with a token of any length": {func(ctx context.Context) error {
				_, err := r.api.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageToken: strings.Repeat("A", 600)})
				return err
			}, "PAGE_TOKEN_INVALID", []string{"page_token"}},
			"page with a long token and a bad size": {func(ctx context.Context) error {
				_, err := r.api.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageToken: strings.Repeat("A", 600), PageSize: -1})
				return err
			}, "VALIDATION", []string{"page_size", "page_token"}},
			"negative page size": {func(ctx context.Context) error {
				_, err := r.api.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: -1})
				return err
			}, "VALIDATION", []string{"page_size"}},
			"get without an id": {func(ctx context.Context) error {
				_, err := r.api.GetCustomer(ctx, &amogatev1.GetCustomerRequest{})
				return err
			}, "VALIDATION", []string{"id"}},
			"create without a name": {func(ctx context.Context) error {
				_, err := r.api.CreateCustomer(ctx, &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{}})
				return err
			}, "VALIDATION", []string{"customer.name"}},
			"update of nothing": {func(ctx context.Context) error {
				_, err := r.api.UpdateCustomer(ctx, &amogatev1.UpdateCustomerRequest{Id: 1})
				return err
			}, "VALIDATION", []string{"update_mask"}},
			"update of another id": {func(ctx context.Context) error {
				_, err := r.api.UpdateCustomer(ctx, &amogatev1.UpdateCustomerRequest{Id: 1, Customer: &amogatev1.Customer{Id: 2, Name: "a"}})
				return err
			}, "VALIDATION", []string{"customer.id"}},
			"delete without an id": {func(ctx context.Context) error {
				_, err := r.api.DeleteCustomer(ctx, &amogatev1.DeleteCustomerRequest{})
				return err
			}, "VALIDATION", []string{"id"}},
			"empty batch": {func(ctx context.Context) error {
				_, err := r.api.BatchUpdateCustomers(ctx, &amogatev1.BatchUpdateCustomersRequest{})
				return err
			}, "VALIDATION", []string{"requests"}},
		} {
			p := problemOf(t, c.call(t.Context()))
			if p.code != "InvalidArgument" || p.reason != c.reason || !slices.Equal(p.fields, c.fields) || p.id == "" {
				t.Errorf("%s: got %+v, want %s of %v", name, p, c.reason, c.fields)
			}
		}
		if n := r.emulator.Stats().Requests; n != 0 {
			t.Errorf("upstream got %d requests", n)
		}
	})
}

func TestCreateCustomer_refusalNamesOurField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		_, err := r.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{
			Name: "Rose", NextPurchaseTime: timestamppb.New(time.Now()), NextPrice: &money.Money{Units: 1, Nanos: 500_000_000},
		}})
		if p := problemOf(t, err); p.reason != "UNSUPPORTED_BY_API_GENERATION" || !slices.Equal(p.fields, []string{"customer.next_price.nanos"}) {
			t.Errorf("got %+v", p)
		}
	})
}

func TestBatchCustomers_oneBadItemCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		next := timestamppb.New(time.Now().Add(time.Hour).Truncate(time.Second))
		rose := func(name string) *amogatev1.CreateCustomerRequest {
			return &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{Name: name, NextPurchaseTime: next}}
		}
		created, err := r.api.BatchCreateCustomers(t.Context(), &amogatev1.BatchCreateCustomersRequest{
			Requests: []*amogatev1.CreateCustomerRequest{rose("a"), rose(""), rose("c"), {}, rose("e")},
			ReadBack: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		results := created.GetResults()
		if len(results) != 5 {
			t.Fatalf("%d results", len(results))
		}
		for i, want := range []string{"a", "", "c", "", "e"} {
			if got := results[i].GetCustomer(); got.GetName() != want || (want != "") != (got.GetId() != 0) {
				t.Errorf("item %d: %v", i, results[i])
			}
			if want != "" && results[i].GetCustomer().GetUpdateTime() == nil {
				t.Errorf("item %d was not read back: %v", i, results[i])
			}
		}
		for i, want := range map[int]string{1: "requests[1].customer.name", 3: "requests[3].customer"} {
			if p := problemOfProto(results[i].GetError()); p.reason != "VALIDATION" || !slices.Equal(p.fields, []string{want}) {
				t.Errorf("item %d: %+v", i, p)
			}
		}

		a, c := results[0].GetCustomer().GetId(), results[2].GetCustomer().GetId()
		updated, err := r.api.BatchUpdateCustomers(t.Context(), &amogatev1.BatchUpdateCustomersRequest{Requests: []*amogatev1.UpdateCustomerRequest{
			{Id: a, Customer: &amogatev1.Customer{Name: "A"}},
			{Id: a, Customer: &amogatev1.Customer{Name: "again"}},
			{Id: c, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"nickname"}}},
			{Id: 424242, Customer: &amogatev1.Customer{Name: "nobody"}},
			{Id: 0, Customer: &amogatev1.Customer{Name: "nobody"}},
			{Id: c, Customer: &amogatev1.Customer{Name: "C"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		results = updated.GetResults()
		if got := results[0].GetCustomer(); got.GetName() != "A" || got.GetId() != a {
			t.Errorf("item 0: %v", results[0])
		}
		for i, want := range map[int]problem{
			1: {reason: "VALIDATION", fields: []string{"requests[1].id"}},
			2: {reason: "VALIDATION", fields: []string{"requests[2].update_mask"}},
			3: {reason: "UPSTREAM_NOT_FOUND"},
			4: {reason: "VALIDATION", fields: []string{"requests[4].id"}},
			5: {reason: "VALIDATION", fields: []string{"requests[5].id"}},
		} {
			if p := problemOfProto(results[i].GetError()); p.reason != want.reason || !slices.Equal(p.fields, want.fields) {
				t.Errorf("item %d: %+v, want %+v", i, p, want)
			}
		}

		again, err := r.api.BatchUpdateCustomers(t.Context(), &amogatev1.BatchUpdateCustomersRequest{
			Requests: []*amogatev1.UpdateCustomerRequest{{Id: c, Customer: &amogatev1.Customer{Name: "C"}}}, ReadBack: true,
		})
		if err != nil || !proto.Equal(again.GetResults()[0].GetCustomer().GetNextPurchaseTime(), next) {
			t.Errorf("update that reads back: %v, %v", again, err)
		}

		deleted, err := r.api.BatchDeleteCustomers(t.Context(), &amogatev1.BatchDeleteCustomersRequest{Ids: []int64{c, -5, 424242, a}})
		if err != nil {
			t.Fatal(err)
		}
		results = deleted.GetResults()
		if results[0].GetCustomer().GetId() != c || results[3].GetCustomer().GetId() != a {
			t.Errorf("deleted: %v", results)
		}
		if p := problemOfProto(results[1].GetError()); p.reason != "VALIDATION" || !slices.Equal(p.fields, []string{"ids[1]"}) {
			t.Errorf("item 1: %+v", p)
		}
		if p := problemOfProto(results[2].GetError()); p.reason != "UPSTREAM_NOT_FOUND" {
			t.Errorf("item 2: %+v", p)
		}
	})
}

func TestBatchCustomers_badItemsAloneCostUpstreamNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		got, err := r.api.BatchCreateCustomers(t.Context(), &amogatev1.BatchCreateCustomersRequest{Requests: []*amogatev1.CreateCustomerRequest{{}, {}}})
		if err != nil || len(got.GetResults()) != 2 || got.GetResults()[1].GetError() == nil {
			t.Errorf("got %v, %v", got, err)
		}
		if n := r.emulator.Stats().Requests; n != 0 {
			t.Errorf("upstream got %d requests", n)
		}
	})
}

func TestReadBack_failureKeepsTheWriteAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		if err := r.emulator.Script(emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList},
			Action: emulator.Action{Status: 403, Body: `{"title":"Forbidden","status":403}`},
		}); err != nil {
			t.Fatal(err)
		}
		next := timestamppb.New(time.Now().Add(time.Hour).Truncate(time.Second))
		for _, readBack := range []bool{true, false} {
			var header metadata.MD
			got, err := r.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{
				Customer: &amogatev1.Customer{Name: "Rose", NextPurchaseTime: next}, ReadBack: readBack,
			}, grpc.Header(&header))
			if err != nil || got.GetId() == 0 {
				t.Fatalf("got %v, %v; want the customer as sent", got, err)
			}
			want := []string(nil)
			if readBack {
				want = []string{"failed"}
			}
			if diff := cmp.Diff(want, header.Get("amogate-read-back")); diff != "" {
				t.Errorf("read_back %t (-want +got):\n%s", readBack, diff)
			}
		}
		if len(r.log.lines(t, "read back failed")) != 1 {
			t.Errorf("the cause is not in the log:\n%s", r.log)
		}
	})
}

func TestListCustomers_cutInMidStreamSaysWhyAndResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 10}, pageSize: 4}, Config{})
		if err := r.emulator.Script(emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, From: 2, To: 20},
			Action: emulator.Action{Garbled: true},
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		cut, err := all(r.api.ListCustomers(ctx, &amogatev1.ListCustomersRequest{}))
		if p := problemOf(t, err); p.reason != "UPSTREAM_BAD_RESPONSE" || len(cut) != 4 {
			t.Fatalf("after %d rows: %+v", len(cut), p)
		}
		r.emulator.ClearFaults()
		rest, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{PageToken: cut[3].GetResumeToken()}))
		if err != nil || len(ids(rest)) != 6 {
			t.Errorf("the rest: %v, %v", ids(rest), err)
		}
	})
}

func TestListCustomers_sameCustomerAsGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 5}}, Config{})
		got, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got[:5] {
			one, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: m.GetCustomer().GetId()})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.GetCustomer(), one, protocmp.Transform()); diff != "" {
				t.Errorf("(-list +get):\n%s", diff)
			}
		}
	})
}
