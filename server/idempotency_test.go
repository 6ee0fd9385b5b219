package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// storeFile opens a SQLite store that goes with the test, and returns its file.
func storeFile(t *testing.T) (store.Store, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data", store.File)
	s, err := store.Open(t.Context(), (&url.URL{Scheme: "sqlite", Path: file}).String(), store.Options{Settings: settings.Default()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, file
}

// keeperOf returns the keeper of a process over a store.
func keeperOf(t *testing.T, s idempotency.Store) *idempotency.Keeper {
	t.Helper()
	k := idempotency.New(t.Context(), idempotency.Config{Store: s, Owner: "one", Settings: settings.Default()})
	t.Cleanup(func() {
		if err := k.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return k
}

// newOnceRig is newRig with a store for request ids.
func newOnceRig(t *testing.T, up upstream) *rig {
	t.Helper()
	s, _ := storeFile(t)
	return newRig(t, up, Config{Requests: keeperOf(t, s)})
}

// writes counts the records that were made, changed or deleted.
func (r *rig) writes() int64 {
	stats := r.emulator.Stats()
	return stats.Added + stats.Updated + stats.Deleted
}

func createWith(id, name string) *amogatev1.CreateCustomerRequest {
	return &amogatev1.CreateCustomerRequest{RequestId: id, Customer: &amogatev1.Customer{Name: name, NextPurchaseTime: timestamppb.New(timestamp(2_000_000_000)), NextPrice: &money.Money{Units: 5}}}
}

func TestOnce_repeatsTheAnswer(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{})
	first, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
	if err != nil {
		t.Fatal(err)
	}
	writes := r.writes()
	for range 3 {
		again, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("the answer (-first +again):\n%s", diff)
		}
	}
	if after := r.writes(); after != writes || writes != 1 {
		t.Errorf("%d writes, then %d; want 1", writes, after)
	}
	other, err := r.api.CreateCustomer(t.Context(), createWith("b", "Анна"))
	if err != nil || other.GetId() == first.GetId() {
		t.Errorf("another id: %v, %v", other, err)
	}
	read := createWith("a", "Анна")
	read.ReadBack = true
	if p := problemOf(t, errorOf(r.api.CreateCustomer(t.Context(), read))); p.reason != "REQUEST_ID_REUSED" {
		t.Errorf("read_back is another request: %+v", p)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestOnce_repeatsUpdatesAndDeletions(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{})
	made, err := r.api.CreateCustomer(t.Context(), createWith("", "Анна"))
	if err != nil {
		t.Fatal(err)
	}
	update := &amogatev1.UpdateCustomerRequest{
		RequestId: "u", Id: made.GetId(), Customer: &amogatev1.Customer{Name: "Мария"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name", "next_price"}},
	}
	first, err := r.api.UpdateCustomer(t.Context(), proto.CloneOf(update))
	if err != nil {
		t.Fatal(err)
	}
	update.UpdateMask.Paths = []string{"next_price", "name"} // of a map, when it came over REST
	again, err := r.api.UpdateCustomer(t.Context(), update)
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("the update: %v (-first +again):\n%s", err, diff)
	}
	for range 2 {
		if _, err := r.api.DeleteCustomer(t.Context(), &amogatev1.DeleteCustomerRequest{RequestId: "d", Id: made.GetId()}); err != nil {
			t.Errorf("the deletion: %v", err)
		}
	}
	if n := r.writes(); n != 3 {
		t.Errorf("%d writes, want 3", n)
	}
}

// byHost sends requests to the emulated account of their host.
type byHost map[string]http.RoundTripper

func (h byHost) RoundTrip(r *http.Request) (*http.Response, error) { return h[r.URL.Host].RoundTrip(r) }

// A name is not an account: an id belongs to upstream's account that had the name
// when it was first used.
func TestOnce_staysWithUpstreamsAccount(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		hosts, accounts := byHost{}, map[string]*emulator.Emulator{}
		for i, name := range []string{"shop", "garden"} {
			e, err := emulator.New(emulator.Config{AccountID: 1001 + int64(i), Subdomain: name, Host: name + ".amocrm.ru"})
			if err != nil {
				t.Fatal(err)
			}
			accounts[name], hosts[name+".amocrm.ru"] = e, e.Transport()
		}
		s, _ := storeFile(t)
		ring, err := keyring.Generate(filepath.Join(dir, "keyring"))
		if err != nil {
			t.Fatal(err)
		}
		journal, err := custody.OpenJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		registry, err := account.New(t.Context(), account.Config{
			Store: s, Limits: s, Ring: ring, Journal: journal, Owner: "one", Client: amo.Config{Transport: hosts},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(registry.Close(context.WithoutCancel(t.Context())), journal.Close()); err != nil {
				t.Error(err)
			}
		})
		r := newRig(t, upstream{}, Config{Accounts: RegisteredAccounts{Registry: registry}, Requests: keeperOf(t, s)})
		// create makes a customer of the account shop, which upstream's account of a
		// name has by now.
		create := func(upstreams string) *amogatev1.Customer {
			t.Helper()
			_, err := registry.Add(t.Context(), account.Addition{
				Name: "shop", URL: "https://" + upstreams + ".amocrm.ru", Given: account.Given{Token: emulator.DefaultToken},
			})
			if err != nil {
				t.Fatal(err)
			}
			made, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
			if err != nil {
				t.Fatal(err)
			}
			if err := registry.Remove(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			return made
		}
		first := create("shop")
		if diff := cmp.Diff(first, create("shop"), protocmp.Transform()); diff != "" {
			t.Errorf("added again (-first +again):\n%s", diff)
		}
		other := create("garden")
		if _, ok := accounts["garden"].Customer(other.GetId()); !ok || other.GetAccountId() == first.GetAccountId() {
			t.Errorf("the other account answered %v", other)
		}
		if diff := cmp.Diff(first, create("shop"), protocmp.Transform()); diff != "" {
			t.Errorf("added again behind the other (-first +again):\n%s", diff)
		}
		for name, e := range accounts {
			if n := e.Stats().Added; n != 1 {
				t.Errorf("%d customers were made at %s, want 1", n, name)
			}
		}
	})
}

func TestOnce_isOneOfMany(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{emulator: emulator.Config{Latency: 20 * time.Millisecond}})
	answers := make([]*amogatev1.Customer, 16)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			var err error
			if answers[i], err = r.api.CreateCustomer(t.Context(), createWith("a", "Анна")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, answer := range answers {
		if diff := cmp.Diff(answers[0], answer, protocmp.Transform()); diff != "" {
			t.Errorf("answers differ:\n%s", diff)
		}
	}
	if n := r.writes(); n != 1 {
		t.Errorf("%d writes", n)
	}
}

func TestOnce_refusesAnotherRequest(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{})
	if _, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна")); err != nil {
		t.Fatal(err)
	}
	_, err := r.api.CreateCustomer(t.Context(), createWith("a", "Мария"))
	if p := problemOf(t, err); p.code != "InvalidArgument" || p.reason != "REQUEST_ID_REUSED" || !cmp.Equal(p.fields, []string{"request_id"}) {
		t.Errorf("got %+v", p)
	}
	// The id of another method is another id.
	if _, err := r.api.BatchCreateCustomers(t.Context(), &amogatev1.BatchCreateCustomersRequest{RequestId: "a", Requests: []*amogatev1.CreateCustomerRequest{createWith("", "Мария")}}); err != nil {
		t.Error(err)
	}
}

func TestOnce_forgetsWhatWasNotSent(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{})
	// A refusal of ours, then what was meant, under the same id.
	bad := createWith("a", "Анна")
	bad.Customer.NextPrice.Nanos = 500
	if p := problemOf(t, errorOf(r.api.CreateCustomer(t.Context(), bad))); p.reason != "UNSUPPORTED_BY_API_GENERATION" {
		t.Fatalf("got %+v", p)
	}
	if _, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна")); err != nil {
		t.Error(err)
	}
	if n := r.writes(); n != 1 {
		t.Errorf("%d writes", n)
	}
}

// An id is remembered for a day.
func TestOnce_remembersForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newOnceRig(t, upstream{})
		create := func() int64 {
			t.Helper()
			made, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
			if err != nil {
				t.Fatal(err)
			}
			return made.GetId()
		}
		first := create()
		time.Sleep(24*time.Hour - time.Minute)
		if again, writes := create(), r.writes(); again != first || writes != 1 {
			t.Errorf("within the day: %d and %d, %d writes", first, again, writes)
		}
		time.Sleep(2 * time.Minute)
		if again, writes := create(), r.writes(); again == first || writes != 2 {
			t.Errorf("after it: %d and %d, %d writes", first, again, writes)
		}
	})
}

func TestOnce_sendsTheRestOfABatch(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{})
	request := &amogatev1.BatchCreateCustomersRequest{RequestId: "a"}
	for i := range 3 {
		request.Requests = append(request.Requests, createWith("", fmt.Sprint("Анна ", i)))
	}
	request.Requests[1].Customer.Name = "" // refused by us
	request.Requests[2].RequestId = "own"
	var answers [2]*amogatev1.BatchCreateCustomersResponse
	for i := range answers {
		var err error
		if answers[i], err = r.api.BatchCreateCustomers(t.Context(), proto.CloneOf(request)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(answers[0].GetResults()[0], answers[1].GetResults()[0], protocmp.Transform()); diff != "" || answers[0].GetResults()[0].GetCustomer().GetId() == 0 {
		t.Errorf("the first item (-first +again):\n%s", diff)
	}
	for i, want := range map[int]string{1: "requests[1].customer.name", 2: "requests[2].request_id"} {
		for _, answer := range answers {
			if p := problemOfProto(answer.GetResults()[i].GetError()); !cmp.Equal(p.fields, []string{want}) {
				t.Errorf("item %d: %+v", i, p)
			}
		}
	}
	if n := r.writes(); n != 1 {
		t.Errorf("%d writes", n)
	}
}

func TestOnce_repeatsErrorsOfUpstream(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{})
	missing := &amogatev1.UpdateCustomerRequest{RequestId: "u", Id: 99, Customer: &amogatev1.Customer{Name: "Мария"}}
	first := problemOf(t, errorOf(r.api.UpdateCustomer(t.Context(), missing)))
	writes := r.writes()
	again := problemOf(t, errorOf(r.api.UpdateCustomer(t.Context(), missing)))
	if first.reason != "UPSTREAM_NOT_FOUND" || again.reason != first.reason || again.message != first.message || !cmp.Equal(again.metadata, first.metadata) || again.id == first.id {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if n := r.writes(); n != writes {
		t.Errorf("%d more writes", n-writes)
	}
}

// dead is a store whose outcomes get lost, as those of a process that is killed.
type dead struct {
	idempotency.Store
	loses atomic.Bool
}

func (d *dead) SaveRequest(ctx context.Context, key idempotency.Key, id string, part []byte, state idempotency.State) error {
	if d.loses.Load() {
		return &amo.Error{Kind: amo.KindStoreUnavailable, Message: "lost"}
	}
	return d.Store.SaveRequest(ctx, key, id, part, state)
}

func TestOnce_looksForWhatWasLeft(t *testing.T) {
	t.Parallel()
	kept, _ := storeFile(t)
	s := &dead{Store: kept}
	r := newRig(t, upstream{generation: amo.V4}, Config{Requests: keeperOf(t, s)})
	s.loses.Store(true)
	first, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
	if err != nil {
		t.Fatalf("an outcome that cannot be stored is no error: %v", err)
	}
	s.loses.Store(false)
	writes := r.writes()
	again, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
	if err != nil && problemOf(t, err).reason != "WRITE_OUTCOME_UNKNOWN" || err == nil && again.GetId() != first.GetId() {
		t.Errorf("%v, %v; want the same record or an unknown outcome", again, err)
	}
	last, lastErr := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
	if diff := cmp.Diff(again, last, protocmp.Transform()); diff != "" || (err == nil) != (lastErr == nil) {
		t.Errorf("what was found is the outcome from then on: %v, %v:\n%s", err, lastErr, diff)
	}
	if n := r.writes(); n != writes {
		t.Errorf("%d more writes", n-writes)
	}
}

// What could not be looked for is looked for when the call is repeated.
func TestOnce_looksAgain(t *testing.T) {
	t.Parallel()
	kept, _ := storeFile(t)
	s := &dead{Store: kept}
	r := newRig(t, upstream{generation: amo.V4}, Config{Requests: keeperOf(t, s)})
	made, err := r.api.CreateCustomer(t.Context(), createWith("", "Анна"))
	if err != nil {
		t.Fatal(err)
	}
	s.loses.Store(true)
	if _, err := r.api.CreateCustomer(t.Context(), createWith("a", "Мария")); err != nil {
		t.Fatal(err)
	}
	update := &amogatev1.UpdateCustomerRequest{RequestId: "a", Id: made.GetId(), Customer: &amogatev1.Customer{Name: "Ольга"}}
	if _, err := r.api.UpdateCustomer(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	s.loses.Store(false)
	writes := r.writes()
	if err := r.emulator.Script(emulator.Rule{Match: emulator.Match{Kind: emulator.KindRead}, Action: emulator.Action{Status: 403}}); err != nil {
		t.Fatal(err)
	}
	_, err = r.api.CreateCustomer(t.Context(), createWith("a", "Мария"))
	if p := problemOf(t, err); p.reason != "WRITE_OUTCOME_UNKNOWN" {
		t.Errorf("the create: %+v", p)
	}
	_, err = r.api.UpdateCustomer(t.Context(), update)
	if p := problemOf(t, err); p.reason != "WRITE_OUTCOME_UNKNOWN" {
		t.Errorf("the update: %+v", p)
	}
	r.emulator.ClearFaults()
	// Another process has no memory of what it made.
	other := newRig(t, upstream{generation: amo.V4, transport: func(http.RoundTripper) http.RoundTripper { return r.emulator.Transport() }}, Config{Requests: keeperOf(t, s)})
	if _, err := other.api.CreateCustomer(t.Context(), createWith("a", "Мария")); err != nil {
		t.Error(err)
	}
	if _, err := other.api.UpdateCustomer(t.Context(), update); err != nil {
		t.Error(err)
	}
	if n := r.writes(); n != writes {
		t.Errorf("%d more writes", n-writes)
	}
}

// A caller whose deadline passed is told what became of its create.
func TestOnce_looksForWhatItsDeadlineCut(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{generation: amo.V4})
	if _, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1}); err == nil {
		t.Fatal("it reads the account, too")
	}
	if err := r.emulator.Script(emulator.Rule{Match: emulator.Match{Kind: emulator.KindWrite, Nth: 1}, Action: emulator.Action{Delay: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := errorOf(r.api.CreateCustomer(ctx, createWith("a", "Анна"))); err == nil {
		t.Fatal("it was answered")
	}
	again, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
	if err != nil || again.GetId() == 0 {
		t.Errorf("%v, %v; want the record", again, err)
	}
	if n := r.writes(); n != 1 {
		t.Errorf("%d writes", n)
	}
}

func TestOnce_goesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t, upstream{emulator: emulator.Config{Latency: 200 * time.Millisecond}})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- errorOf(r.api.CreateCustomer(ctx, createWith("a", "Анна"))) }()
	for r.emulator.Stats().ByOperation[emulator.OpCustomersWrite] == 0 {
		runtime.Gosched()
	}
	leave()
	if p := problemOf(t, <-left); p.code != "Canceled" {
		t.Errorf("got %+v", p)
	}
	again, err := r.api.CreateCustomer(t.Context(), createWith("a", "Анна"))
	if err != nil || again.GetId() == 0 {
		t.Errorf("%v, %v", again, err)
	}
	if n := r.writes(); n != 1 {
		t.Errorf("%d writes", n)
	}
}

func TestOnce_needsItsStore(t *testing.T) {
	t.Parallel()
	s, _ := storeFile(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]Config{"away": {Requests: keeperOf(t, s)}, "none": {}} {
		r := newRig(t, upstream{}, config)
		if p := problemOf(t, errorOf(r.api.CreateCustomer(t.Context(), createWith("a", "Анна")))); p.reason != "STORE_UNAVAILABLE" {
			t.Errorf("%s: %+v", name, p)
		}
		if n := r.writes(); n != 0 {
			t.Errorf("%s: %d writes", name, n)
		}
		if _, err := r.api.CreateCustomer(t.Context(), createWith("", "Анна")); err != nil {
			t.Errorf("%s: without an id: %v", name, err)
		}
	}
}

func TestOnce_storesNoValue(t *testing.T) {
	t.Parallel()
	s, file := storeFile(t)
	r := newRig(t, upstream{}, Config{Requests: keeperOf(t, s)})
	const canary = "канарейка-4711"
	request := createWith("id-"+canary[len(canary)-4:], canary)
	request.Customer.Tags = []*amogatev1.Tag{{Name: canary}}
	made, err := r.api.CreateCustomer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{RequestId: "u", Id: made.GetId(), Customer: &amogatev1.Customer{Name: canary}})
	_, _ = r.api.BatchCreateCustomers(t.Context(), &amogatev1.BatchCreateCustomersRequest{RequestId: "b", Requests: []*amogatev1.CreateCustomerRequest{createWith("", canary), createWith("", canary)}})
	_, _ = r.api.DeleteCustomer(t.Context(), &amogatev1.DeleteCustomerRequest{RequestId: "d", Id: made.GetId()})
	found := 0
	for _, name := range []string{file, file + "-wal"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found += bytes.Count(raw, []byte("one")) // the owner: the rows are there
		if bytes.Contains(raw, []byte(canary)) || bytes.Contains(raw, []byte("канарейка")) {
			t.Errorf("%s holds a name", name)
		}
	}
	if found == 0 {
		t.Error("nothing was stored")
	}
}

// Every method that changes something has a request id, and takes down its intent
// before anything else.
func TestOnce_coversEveryMutation(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("amogate.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				m := methods.Get(j)
				has := m.Input().Fields().ByName("request_id") != nil
				reads := strings.HasPrefix(string(m.Name()), "Get") || strings.HasPrefix(string(m.Name()), "List")
				if has == reads {
					t.Errorf("%s: has a request id: %v", m.FullName(), has)
				}
				if has {
					names[fmt.Sprintf("/%s/%s", f.Services().Get(i).FullName(), m.Name())] = true
				}
			}
		}
		return true
	})
	for name := range names {
		full := &fullStore{}
		r := newRig(t, upstream{}, Config{Requests: keeperOf(t, full)})
		_, err := r.server.onceUnary(context.WithValue(t.Context(), callKey{}, &call{own: true, method: name, client: r.client}), requestOf(t, name), nil,
			func(context.Context, any) (any, error) { t.Errorf("%s was carried out", name); return nil, nil })
		if full.claims.Load() != 1 || !amo.IsKind(err, amo.KindStoreFull) {
			t.Errorf("%s: %d claims, %v; want one, refused", name, full.claims.Load(), err)
		}
	}
	if len(names) < 20 {
		t.Errorf("%d methods have a request id", len(names))
	}
}

// requestOf returns a request of a method with a request id.
func requestOf(t *testing.T, method string) proto.Message {
	t.Helper()
	service, name, _ := strings.Cut(method[1:], "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + name))
	if err != nil {
		t.Fatal(err)
	}
	described, ok := d.(protoreflect.MethodDescriptor)
	if !ok {
		t.Fatalf("%s is no method", method)
	}
	input, err := protoregistry.GlobalTypes.FindMessageByName(described.Input().FullName())
	if err != nil {
		t.Fatal(err)
	}
	m := input.New()
	m.Set(m.Descriptor().Fields().ByName("request_id"), protoreflect.ValueOfString("a"))
	return m.Interface()
}

// fullStore is a store whose disk is full.
type fullStore struct {
	idempotency.Store
	claims atomic.Int64
}

func (f *fullStore) HoldRequests(context.Context, string, time.Duration) error { return nil }

func (f *fullStore) ClaimRequest(context.Context, idempotency.Intent) (idempotency.Record, idempotency.Claim, error) {
	f.claims.Add(1)
	return idempotency.Record{}, 0, &amo.Error{Kind: amo.KindStoreFull}
}
