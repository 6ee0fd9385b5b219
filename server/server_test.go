package server

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestNew_checksItsConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		ok     bool
	}{
		"zero":                       {Config{}, true},
		"no drain delay":             {Config{DrainDelay: -1}, true},
		"stop before the drain ends": {Config{DrainDelay: 5 * time.Second, StopTimeout: 5 * time.Second}, false},
		"negative timeouts":          {Config{DrainDelay: -1, StopTimeout: -1, UnaryTimeout: -1}, false},
	} {
		s, err := New(c.config)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if s != nil {
			s.Stop()
		}
	}
}

// A service in the proto files that register leaves out would answer
// UNIMPLEMENTED in production.
func TestRegister_holdsEveryServiceOfTheAPI(t *testing.T) {
	t.Parallel()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	registered := s.grpc.GetServiceInfo()
	count := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("amogate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			info, ok := registered[string(service.FullName())]
			if !ok {
				t.Errorf("%s is not registered", service.FullName())
				continue
			}
			count++
			if len(info.Methods) != service.Methods().Len() {
				t.Errorf("%s has %d methods of %d", service.FullName(), len(info.Methods), service.Methods().Len())
			}
			for _, m := range info.Methods {
				if !s.methods["/"+string(service.FullName())+"/"+m.Name] {
					t.Errorf("%s.%s is not known as a method of the API", service.FullName(), m.Name)
				}
			}
		}
		return true
	})
	if count == 0 {
		t.Error("found no service at all")
	}
}

func TestServer_healthAndReflection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		health := grpc_health_v1.NewHealthClient(r.conn)
		for _, service := range []string{"", "amogate.v1.CustomerService"} {
			got, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
			if err != nil || got.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
				t.Errorf("%q: %v, %v", service, got, err)
			}
		}
		_, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "nobody"})
		if status.Code(err) != codes.NotFound {
			t.Errorf("unknown service: %v", err)
		}
		for _, line := range r.log.lines(t, "call") {
			if line["level"] != "DEBUG" {
				t.Errorf("a probe fills the log: %v", line)
			}
		}

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := grpc_reflection_v1.NewServerReflectionClient(r.conn).ServerReflectionInfo(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
			MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
		}); err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range resp.GetListServicesResponse().GetService() {
			names = append(names, s.GetName())
		}
		if !slices.Contains(names, "amogate.v1.CustomerService") {
			t.Errorf("reflection shows %v", names)
		}
	})
}

func TestServer_unknownMethodsHaveAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		for _, method := range []string{"/amogate.v1.CustomerService/Frob", "/amogate.v1.NobodyService/Get"} {
			err := r.conn.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
			if p := problemOf(t, err); p.code != "Unimplemented" || p.reason != "METHOD_NOT_FOUND" {
				t.Errorf("%s: %+v", method, p)
			}
		}
	})
}

func TestServer_accountOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		get := func(account string) problem {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "amogate-account", account)
			_, err := r.api.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 1})
			return problemOf(t, err)
		}
		if p := get("shop"); p.reason != "UPSTREAM_NOT_FOUND" {
			t.Errorf("the right account: %+v", p)
		}
		if p := get("store"); p.code != "PermissionDenied" || p.reason != "ACCOUNT_NOT_ALLOWED" || p.metadata["account"] != "store" {
			t.Errorf("another account: %+v", p)
		}
		if p := get(strings.Repeat("a", 200)); p.reason != "VALIDATION" || !slices.Equal(p.fields, []string{"amogate-account"}) {
			t.Errorf("an account that cannot be: %+v", p)
		}
	})
}

func TestServer_withoutAccountsIsReadyAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{Accounts: StaticAccounts{}})
		_, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1})
		if p := problemOf(t, err); p.code != "FailedPrecondition" || p.reason != "NO_ACCOUNT" {
			t.Errorf("unary: %+v", p)
		}
		_, err = all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
		if p := problemOf(t, err); p.code != "FailedPrecondition" || p.reason != "NO_ACCOUNT" {
			t.Errorf("stream: %+v", p)
		}
		if !r.server.Ready() {
			t.Error("not ready")
		}
	})
}

func TestServer_requestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		call := func(sent string) (answered, told string) {
			ctx := t.Context()
			if sent != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "amogate-request-id", sent)
			}
			var header metadata.MD
			_, err := r.api.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 1}, grpc.Header(&header))
			if got := header.Get("amogate-request-id"); len(got) == 1 {
				answered = got[0]
			}
			return answered, problemOf(t, err).id
		}
		if answered, told := call("order-42"); answered != "order-42" || told != "order-42" {
			t.Errorf("a sane id: answered %q, told %q", answered, told)
		}
		seen := map[string]bool{}
		for _, sent := range []string{"", "two words", strings.Repeat("a", 65), `"quoted"`} {
			answered, told := call(sent)
			if answered == "" || answered == sent || answered != told || seen[answered] {
				t.Errorf("id %q: answered %q, told %q", sent, answered, told)
			}
			seen[answered] = true
		}
		if got := r.log.lines(t, "call"); len(got) != 5 || got[0]["request_id"] != "order-42" {
			t.Errorf("the log shows %v", got)
		}
	})
}

func TestServer_logsEachCallAndNoPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Latency: 250 * time.Millisecond}}, Config{})
		const secret = "Rumpelstilzchen"
		next := timestamppb.New(time.Now().Add(time.Hour).Truncate(time.Second))
		if _, err := r.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{
			Customer: &amogatev1.Customer{Name: secret, NextPurchaseTime: next},
		}); err != nil {
			t.Fatal(err)
		}
		_, err := r.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{Id: 9, Customer: &amogatev1.Customer{Name: secret}})
		if err == nil {
			t.Fatal("update of nobody succeeded")
		}
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log shows a payload:\n%s", r.log)
		}
		lines := r.log.lines(t, "call")
		if len(lines) != 2 {
			t.Fatalf("%d lines:\n%s", len(lines), r.log)
		}
		ok, failed := lines[0], lines[1]
		if ok["method"] != "/amogate.v1.CustomerService/CreateCustomer" || ok["account"] != "shop" || ok["code"] != "OK" ||
			ok["reason"] != nil || ok["error"] != nil || ok["level"] != "INFO" {
			t.Errorf("success: %v", ok)
		}
		if ms, _ := ok["duration_ms"].(float64); ms < 250 || ms >= 60_000 {
			t.Errorf("duration_ms %v", ok["duration_ms"])
		}
		if failed["code"] != "NotFound" || failed["reason"] != "UPSTREAM_NOT_FOUND" || failed["error"] == nil {
			t.Errorf("failure: %v", failed)
		}
	})
}

// C04 of the fault matrix.
func TestServer_unaryCallsWithoutADeadlineGetOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := &deadlines{}
		r := newRig(t, upstream{}, Config{Accounts: left})
		get := func(ctx context.Context) problem {
			_, err := r.api.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 1})
			return problemOf(t, err)
		}
		begun := time.Now()
		if p := get(t.Context()); p.code != "DeadlineExceeded" || p.reason != "DEADLINE_EXCEEDED" {
			t.Errorf("got %+v", p)
		}
		if d := time.Since(begun); d != time.Minute || left.last() != time.Minute {
			t.Errorf("without a deadline: %v were left, the call took %v", left.last(), d)
		}
		for d, want := range map[time.Duration]time.Duration{
			time.Second / 2: 450 * time.Millisecond,
			3 * time.Second: 2900 * time.Millisecond,
			5 * time.Minute: 5*time.Minute - 100*time.Millisecond,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			if p := get(ctx); p.code != "DeadlineExceeded" || p.reason != "DEADLINE_EXCEEDED" {
				t.Errorf("got %+v", p)
			}
			cancel()
			if left.last() != want {
				t.Errorf("with a deadline of %v: %v were left, want %v", d, left.last(), want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := r.api.ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // of fake time
		if left.last() != 0 {
			t.Errorf("a stream had a deadline: %v were left", left.last())
		}
		cancel()
		if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
			t.Error(err)
		}
	})
}

// deadlines notes how long a call has, and takes all of it. It holds no
// account.
type deadlines struct{ left atomic.Int64 }

func (d *deadlines) Client(ctx context.Context, _ string) (*amo.Client, error) {
	d.left.Store(0)
	if deadline, ok := ctx.Deadline(); ok {
		d.left.Store(int64(time.Until(deadline)))
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// last is what the last call had left; 0 = no deadline.
func (d *deadlines) last() time.Duration { return time.Duration(d.left.Load()) }

// C02 of the fault matrix.
func TestServer_cancelReachesUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, aborted := make(chan time.Time, 1), make(chan time.Time, 1)
		stallPages := func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(req *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(req.URL.Path, "/customers") {
					return next.RoundTrip(req)
				}
				asked <- time.Now()
				<-req.Context().Done()
				aborted <- time.Now()
				return nil, req.Context().Err()
			})
		}
		r := newRig(t, upstream{transport: stallPages}, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := r.api.ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		<-asked
		cancelled := time.Now()
		cancel()
		if d := (<-aborted).Sub(cancelled); d > 100*time.Millisecond {
			t.Errorf("upstream's request went on for %v", d)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
			t.Errorf("the caller sees %v", err)
		}
		synctest.Wait()
		if lines := r.log.lines(t, "call"); len(lines) != 1 || lines[0]["reason"] != "CANCELLED" {
			t.Errorf("the log shows %v", lines)
		}
	})
}

// P09 of the fault matrix.
func TestServer_panicIsOneCallsProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{Accounts: panicking{}})
		calls := map[string]func() error{
			"unary": func() error {
				_, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1})
				return err
			},
			"stream": func() error {
				_, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
				return err
			},
		}
		for name, call := range calls {
			p := problemOf(t, call())
			if p.code != "Internal" || p.reason != "PANIC" || p.id == "" || strings.Contains(p.message, "secret") {
				t.Errorf("%s: %+v", name, p)
			}
		}
		lines := r.log.lines(t, "panic")
		if len(lines) != 2 {
			t.Fatalf("%d lines of panics", len(lines))
		}
		for _, line := range lines {
			if stack, _ := line["stack"].(string); !strings.Contains(stack, "panicking") {
				t.Errorf("the stack does not show the culprit: %v", line)
			}
		}
		if strings.Contains(r.log.String(), "secret") {
			t.Error("the log shows the value of a panic")
		}
		if _, err := grpc_health_v1.NewHealthClient(r.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
			t.Errorf("the server did not survive: %v", err)
		}
	})
}

// panicking panics with something that must not be shown.
type panicking struct{}

func (panicking) Client(context.Context, string) (*amo.Client, error) {
	panic(map[string]string{"token": "secret"})
}

func TestServer_errorsThatNoRetryMendsSayNotToRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untrusted := func(http.RoundTripper) http.RoundTripper {
			return roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, x509.UnknownAuthorityError{}
			})
		}
		r := newRig(t, upstream{transport: untrusted}, Config{})
		var trailer metadata.MD
		_, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1}, grpc.Trailer(&trailer))
		if p := problemOf(t, err); p.code != "Unavailable" || p.reason != "UPSTREAM_TLS" {
			t.Fatalf("got %+v", p)
		}
		if got := trailer.Get("grpc-retry-pushback-ms"); !slices.Equal(got, []string{"-1"}) {
			t.Errorf("pushback %q", got)
		}
	})
}

func TestServer_tooLargeARequestIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		huge := &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{Name: strings.Repeat("a", maxReceiveBytes)}}
		_, err := r.api.CreateCustomer(t.Context(), huge)
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v", err)
		}
	})
}

// Over REST the headers tell that the list was accepted.
func TestListCustomers_headersLeaveBeforeTheFirstRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 1, Latency: 10 * time.Second}}, Config{})
		begun := time.Now()
		stream, err := r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		header, err := stream.Header()
		if err != nil || len(header.Get("amogate-request-id")) != 1 || !slices.Equal(header.Get("amogate-accepted"), []string{"1"}) {
			t.Fatalf("header %v, %v", header, err)
		}
		if d := time.Since(begun); d >= 10*time.Second {
			t.Errorf("headers came after %v, with the first row", d)
		}
		if _, err := all(stream, nil); err != nil {
			t.Error(err)
		}

		for name, req := range map[string]*amogatev1.ListCustomersRequest{
			"a bad token":  {PageToken: "nonsense"},
			"a bad filter": {Filter: &amogatev1.CustomerFilter{Ids: []int64{-1}}},
		} {
			stream, err := r.api.ListCustomers(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s: %v", name, err)
			}
			if header, err := stream.Header(); err == nil && len(header.Get("amogate-accepted")) > 0 {
				t.Errorf("%s: was accepted before it was refused", name)
			}
		}
	})
}

// P01 of the fault matrix.
func TestDrain_ofAnIdleServerTakesTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		synctest.Wait()
		if !r.server.Ready() {
			t.Error("not ready before")
		}
		begun := time.Now()
		drained := make(chan error, 1)
		go func() { drained <- r.server.Drain(context.Background()) }()
		synctest.Wait()
		if r.server.Ready() {
			t.Error("ready while draining")
		}
		got, err := grpc_health_v1.NewHealthClient(r.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil || got.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
			t.Errorf("health while draining: %v, %v", got, err)
		}
		// Load balancers notice in their own time: calls still succeed.
		if _, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{}); err != nil {
			t.Errorf("a call in the drain delay: %v", err)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if d := time.Since(begun); d < DefaultDrainDelay || d > DefaultDrainDelay+time.Second {
			t.Errorf("took %v, want %v", d, DefaultDrainDelay)
		}
	})
}

// P02 of the fault matrix.
func TestDrain_waitsForUnaryCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Latency: 9 * time.Second}}, Config{})
		answered := make(chan error, 1)
		go func() {
			_, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{})
			answered <- err
		}()
		synctest.Wait()
		begun := time.Now()
		if err := r.server.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the call in flight: %v", err)
		}
		// The account and the page: two requests of 9 s.
		if d := time.Since(begun); d < 17*time.Second || d > 25*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// P03 of the fault matrix.
func TestDrain_endsStreamsBehindTheirLastToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 400, Latency: 2 * time.Second}, pageSize: 10}, Config{})
		watch, err := grpc_health_v1.NewHealthClient(r.conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		type cut struct {
			rows []*amogatev1.ListCustomersResponse
			err  error
			at   time.Time
		}
		ended := make(chan cut, 1)
		go func() {
			rows, err := all(r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}))
			ended <- cut{rows, err, time.Now()}
		}()
		time.Sleep(5 * time.Second) // of fake time: a page or more is out
		begun := time.Now()
		if err := r.server.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if d := time.Since(begun); d > DefaultDrainDelay+time.Second {
			t.Errorf("took %v", d)
		}
		c := <-ended
		if d := c.at.Sub(begun); d < DefaultDrainDelay || d > DefaultDrainDelay+time.Second {
			t.Errorf("the stream ended after %v", d)
		}
		p := problemOf(t, c.err)
		if p.code != "Unavailable" || p.reason != "SERVER_DRAINING" {
			t.Errorf("got %+v", p)
		}
		if n := len(c.rows); n == 0 || n == 400 || c.rows[n-1].GetResumeToken() == "" || c.rows[n-1].GetEnd() != nil {
			t.Fatalf("%d rows before the cut", n)
		}
		for err = nil; err == nil; {
			_, err = watch.Recv()
		}
		if status.Code(err) != codes.Unavailable {
			t.Errorf("the health watch ended with %v", err)
		}

		next := newRig(t, upstream{emulator: emulator.Config{Customers: 400}}, Config{})
		rest, err := all(next.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{PageToken: c.rows[len(c.rows)-1].GetResumeToken()}))
		if err != nil || len(ids(rest))+len(c.rows) != 400 {
			t.Errorf("the next process has %d rows behind %d, %v", len(ids(rest)), len(c.rows), err)
		}
	})
}

func TestDrain_isBounded(t *testing.T) {
	stall := func(http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
	}
	for name, c := range map[string]struct {
		context time.Duration
		want    time.Duration
		// told says that the call learns why it ended.
		told bool
	}{
		"by the stop timeout": {time.Hour, 11 * time.Second, true},
		"by its context":      {3 * time.Second, 3 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, upstream{transport: stall}, Config{StopTimeout: 12 * time.Second})
				answered := make(chan error, 1)
				go func() {
					_, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1})
					answered <- err
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(context.Background(), c.context)
				defer cancel()
				begun := time.Now()
				err := r.server.Drain(ctx)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want to be told that calls were cut", err)
				}
				if d := time.Since(begun); d != c.want {
					t.Errorf("took %v, want %v", d, c.want)
				}
				p := problemOf(t, <-answered)
				if p.code != "Unavailable" || c.told && p.reason != "SERVER_DRAINING" {
					t.Errorf("the call that was cut: %+v", p)
				}
				// Upstream's request may be shared by callers and ends by itself.
				r.client.Close()
				time.Sleep(2 * time.Minute)
			})
		})
	}
}

func TestDrain_doesNotWaitForAReaderThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{Customers: 20_000}}, Config{})
		stream, err := r.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // of fake time: the windows of the connection are full
		if got := r.emulator.Stats().RowsSent; got == 20_000 {
			t.Fatal("the reader does not stall the list")
		}
		begun := time.Now()
		if err := r.server.Drain(t.Context()); err == nil {
			t.Error("Drain does not tell that a call was cut")
		}
		if d := time.Since(begun); d > DefaultStopTimeout {
			t.Errorf("took %v", d)
		}
		for err = nil; err == nil; {
			_, err = stream.Recv()
		}
		if errors.Is(err, io.EOF) {
			t.Error("the list seems complete")
		}
	})
}

// A caller that sees a broken connection may send its write again.
func TestDrain_aWriteThatIsCutSaysThatItsOutcomeIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stallWrites := func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodGet {
					return next.RoundTrip(req)
				}
				<-req.Context().Done()
				return nil, req.Context().Err()
			})
		}
		r := newRig(t, upstream{transport: stallWrites}, Config{DrainDelay: -1, StopTimeout: 5 * time.Second})
		answered := make(chan error, 1)
		go func() {
			_, err := r.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{
				Name: "Rose", NextPurchaseTime: timestamppb.New(time.Now().Add(time.Hour).Truncate(time.Second)),
			}})
			answered <- err
		}()
		time.Sleep(2 * time.Second) // of fake time: the write is out
		if err := r.server.Drain(t.Context()); err == nil {
			t.Error("Drain does not tell that a call was cut")
		}
		if p := problemOf(t, <-answered); p.code != "Unknown" || p.reason != "WRITE_OUTCOME_UNKNOWN" {
			t.Errorf("got %+v", p)
		}
	})
}

func TestDrain_twiceIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{DrainDelay: -1})
		for range 2 {
			if err := r.server.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
		r.server.Stop()
		if r.server.Ready() {
			t.Error("ready after its end")
		}
	})
}
