package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/telemetry"
)

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// reason is the machine-readable reason of an error.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func TestSandbox_isListedOverGRPCAndREST(t *testing.T) {
	a, stop := startServe(t, "--sandbox", "--sandbox-customers=30", "--sandbox-latency=0s", "--drain-delay=0s")

	page, err := amogatev1.NewCustomerServiceClient(dial(t, a.GRPC)).
		ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: 7})
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Customers []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"customers"`
	}
	if err := json.Unmarshal([]byte(get(t, "http://"+a.REST+"/v1/customers?page_size=7", http.StatusOK)), &body); err != nil {
		t.Fatal(err)
	}
	if len(page.GetCustomers()) != 7 || len(body.Customers) != 7 {
		t.Fatalf("%d customers over gRPC, %d over REST, want 7", len(page.GetCustomers()), len(body.Customers))
	}
	for i, c := range page.GetCustomers() {
		if got, want := body.Customers[i].ID+" "+body.Customers[i].Name, fmt.Sprint(c.GetId(), " ", c.GetName()); got != want {
			t.Errorf("row %d is %q over REST, %q over gRPC", i, got, want)
		}
	}

	var stats struct {
		Requests int64 `json:"requests"`
		TooMany  int64 `json:"responses_429"`
	}
	if err := json.Unmarshal([]byte(get(t, a.SandboxStats, http.StatusOK)), &stats); err != nil {
		t.Fatal(err)
	}
	if stats.Requests == 0 || stats.TooMany != 0 {
		t.Errorf("the emulator counts %d requests and %d refusals", stats.Requests, stats.TooMany)
	}
	metrics := get(t, "http://"+a.Admin+"/metrics", http.StatusOK)
	for _, name := range metricsOfManual(t) {
		if !strings.Contains(metrics, "\n# TYPE "+name+" ") {
			t.Errorf("/metrics has no %s, of which docs/operations.md tells", name)
		}
	}
	for _, address := range []string{a.REST, a.Admin} {
		get(t, "http://"+address+"/healthz", http.StatusOK)
		get(t, "http://"+address+"/readyz", http.StatusOK)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/vars"} {
		get(t, "http://"+a.Admin+path, http.StatusNotFound)
	}
	if code, _, stderr := try(t, "healthcheck", "--grpc-addr="+a.GRPC); code != exitOK {
		t.Errorf("healthcheck: exit code %d: %s", code, stderr)
	}
	code, out := stop()
	if code != exitOK {
		t.Errorf("exit code %d, want 0", code)
	}
	if !strings.Contains(out, "\ntry: curl 'http://"+a.REST+"/v1/customers") {
		t.Errorf("output has no line to try:\n%s", out)
	}
	if strings.Contains(out, "emulator-token") {
		t.Errorf("output shows the token:\n%s", out)
	}
}

// metricsOfManual returns the names of the metrics that docs/operations.md
// lists.
func metricsOfManual(t *testing.T) []string {
	t.Helper()
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, match := range regexp.MustCompile("(?m)^  \\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(manual), -1) {
		names = append(names, match[1])
	}
	if len(names) < 5 {
		t.Fatalf("docs/operations.md lists only %q", names)
	}
	return names
}

func TestServe_takesTheLongestFilterOverREST(t *testing.T) {
	a, _ := startServe(t, "--sandbox", "--sandbox-customers=30", "--sandbox-latency=0s", "--drain-delay=0s")
	query := url.Values{"page_size": {"5"}}
	for i := range 10_000 {
		query.Add("filter.ids", strconv.FormatInt(math.MaxInt64-int64(i), 10))
	}
	get(t, "http://"+a.REST+"/v1/customers?"+query.Encode(), http.StatusOK)
	query.Add("filter.ids", "1")
	if body := get(t, "http://"+a.REST+"/v1/customers?"+query.Encode(), http.StatusBadRequest); !strings.Contains(body, `"field":"filter.ids"`) {
		t.Errorf("one id too many is answered with %s", body)
	}
}

func TestServe_withoutAccountIsReadyAndSaysWhatToDo(t *testing.T) {
	a, _ := startServe(t, "--drain-delay=0s")
	get(t, "http://"+a.Admin+"/readyz", http.StatusOK)
	_, err := amogatev1.NewCustomerServiceClient(dial(t, a.GRPC)).GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 1})
	if status.Code(err) != codes.FailedPrecondition || reason(err) != "NO_ACCOUNT" {
		t.Errorf("error %v, want FAILED_PRECONDITION with NO_ACCOUNT", err)
	}
	if body := get(t, "http://"+a.REST+"/v1/customers/1", http.StatusFailedDependency); !strings.Contains(body, "amogate account add NAME --oauth") {
		t.Errorf("REST does not say what to do: %s", body)
	}
}

func TestServe_tellsEveryAddressThatIsTaken(t *testing.T) {
	clearEnvironment(t)
	var taken [2]string
	for i := range taken {
		var config net.ListenConfig
		listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() //nolint:errcheck // nothing is lost
		taken[i] = listener.Addr().String()
	}
	code, _, stderr := try(t, "serve", "--rest-addr="+taken[0], "--grpc-addr="+taken[1], "--admin-addr=127.0.0.1:0")
	if code != exitUnavailable {
		t.Errorf("exit code %d, want %d", code, exitUnavailable)
	}
	for _, want := range []string{"--rest-addr: listen tcp " + taken[0], "--grpc-addr: listen tcp " + taken[1]} {
		if !strings.Contains(stderr, want) {
			t.Errorf("output does not say %q:\n%s", want, stderr)
		}
	}
}

func TestServe_touchesNoDataDirectoryInTheSandbox(t *testing.T) {
	dir := t.TempDir()
	_, stop := startServe(t, "--sandbox", "--drain-delay=0s", "--data-dir="+dir+"/new")
	if code, out := stop(); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 0 {
		t.Errorf("%s was made", entries[0].Name())
	}
}

// TestTrace_isOneFromCallerToAccount follows a REST call with a trace of the
// caller's through every layer.
func TestTrace_isOneFromCallerToAccount(t *testing.T) {
	clearEnvironment(t)
	spans := tracetest.NewInMemoryExporter()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{
		SpanProcessors: []sdktrace.SpanProcessor{sdktrace.NewSimpleSpanProcessor(spans)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := readServe(t, append([]string{"--sandbox", "--sandbox-latency=0s", "--drain-delay=0s"}, freePorts...)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var p problems
	s.logger = p.readLogger("info", "json", writer)
	done := make(chan error, 1)
	go func() {
		done <- serveWith(ctx, s, tel, streams{strings.NewReader(""), io.Discard, writer})
		_ = writer.Close() // a PipeWriter's Close cannot fail
	}()
	out := readOutput(reader)
	a := out.wait(t)

	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.REST+"/v1/customers?page_size=1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	request.Header.Set("traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ended := spans.GetSpans()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	var customers *tracetest.SpanStub
	byID := map[string]tracetest.SpanStub{}
	for i, span := range ended {
		byID[span.SpanContext.SpanID().String()] = span
		if got := span.SpanContext.TraceID().String(); got != traceID {
			t.Errorf("span %q has trace %s, not the caller's", span.Name, got)
		}
		if strings.Contains(span.Name, "customers.list") {
			customers = &ended[i]
		}
	}
	if customers == nil {
		t.Fatalf("no span of the request to the account among %d", len(ended))
	}
	var path []string
	for span, ok := *customers, true; ok; span, ok = byID[span.Parent.SpanID().String()] {
		path = append(path, span.SpanKind.String())
	}
	if got, want := strings.Join(path, " "), "client server client server"; got != want {
		t.Errorf("from the account to the caller: %s, want %s (amo, server, gateway, REST)", got, want)
	}
	if !strings.Contains(out.String(), `"trace_id":"`+traceID) {
		t.Error("the log line of the call has no trace id")
	}
}

func TestSIGTERM_endsAnIdleServerAfterTheDrainDelay(t *testing.T) {
	c := startProcess(t, append([]string{"serve", "--sandbox", "--drain-delay=1s"}, freePorts...)...)
	a := c.out.wait(t)
	get(t, "http://"+a.REST+"/v1/customers?page_size=1", http.StatusOK)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	code, took := c.end(t)
	// Far from the stop timeout, 30 s, on a busy machine too; row P01 of
	// internal/faults holds the promised drain delay and 1 s.
	const bound = 10 * time.Second
	if code != exitOK || took > bound || took < time.Second {
		t.Errorf("exit code %d after %v, want 0 after the drain delay and within %v:\n%s", code, took, bound, c.out)
	}
}

func TestSIGTERM_endsStreamsSoThatTheyCanBeResumed(t *testing.T) {
	c := startProcess(t, append([]string{
		"serve", "--sandbox", "--sandbox-customers=100000", "--upstream-page-size=50", "--drain-delay=100ms",
	}, freePorts...)...)
	a := c.out.wait(t)
	stream, err := amogatev1.NewCustomerServiceClient(dial(t, a.GRPC)).ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.REST+"/v1/customers:stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatal("no row over REST")
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	token := first.GetResumeToken()
	for err == nil {
		var message *amogatev1.ListCustomersResponse
		if message, err = stream.Recv(); err == nil {
			token = message.GetResumeToken()
		}
	}
	last := lines.Text()
	for lines.Scan() {
		last = lines.Text()
	}
	code, took := c.end(t)
	grpcOK := status.Code(err) == codes.Unavailable && reason(err) == "SERVER_DRAINING" && token != ""
	restOK := strings.HasPrefix(last, `{"error":`) && strings.Contains(last, "SERVER_DRAINING")
	if !grpcOK || !restOK || code != exitOK || took > 10*time.Second {
		t.Errorf("gRPC: %v, token %q; REST: %.200s; exit code %d after %v", err, token, last, code, took)
	}
}

func TestSIGTERM_waitsForTokensBeyondTheStopTimeout(t *testing.T) {
	i := newInstallation(t, sqliteFlags(t)...)
	i.do(t, i.emulator.IssueCode(), "account", "add", "shop", "--url="+i.upstream, "--code-file=-")
	err := i.emulator.Script(emulator.Rule{
		Match: emulator.Match{Kind: emulator.KindToken}, Action: emulator.Action{Delay: 4 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	i.emulator.ExpireAccess()
	c := startProcess(t, slices.Concat([]string{"serve"}, i.flags, freePorts, []string{"--drain-delay=0s", "--stop-timeout=1s"})...)
	client := amogatev1.NewCustomerServiceClient(dial(t, c.out.wait(t).GRPC))
	var call sync.WaitGroup
	call.Go(func() {
		// It is cut: only the tokens matter.
		_, _ = client.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{})
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i.emulator.Stats().Faulted == 0 { // until the token endpoint is asked
		<-tick.C
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, took := c.end(t); took < time.Second {
		t.Errorf("ended after %v, while new tokens were on their way", took)
	}
	call.Wait()
	if got := i.do(t, "", "account", "show", "shop", "--output=json"); !strings.Contains(got, `"generation":"2"`) {
		t.Errorf("the tokens that came after --stop-timeout are lost: %s\n%s", got, c.out)
	}
}

// TestLog_isJSONAlone lets a caller leave in the middle of a stream, of which
// gRPC's own log tells.
func TestLog_isJSONAlone(t *testing.T) {
	c := startProcess(t, append([]string{"serve", "--sandbox", "--drain-delay=0s", "--log-level=debug"}, freePorts...)...)
	a := c.out.wait(t)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.REST+"/v1/customers:stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	// The caller has left; what its connection says to that does not matter.
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.end(t); code != exitOK {
		t.Errorf("exit code %d, want 0", code)
	}
	for line := range strings.Lines(c.out.String()) {
		if strings.HasPrefix(line, "sandbox with ") || strings.HasPrefix(line, "try: ") {
			continue
		}
		if !json.Valid([]byte(line)) {
			t.Errorf("line is not JSON: %s", line)
		}
	}
	if !strings.Contains(c.out.String(), `"msg":"grpc"`) {
		t.Error("gRPC's own log is not in it")
	}
}

func TestSecondSignal_endsAtOnce(t *testing.T) {
	c := startProcess(t, append([]string{"serve", "--sandbox", "--drain-delay=20s"}, freePorts...)...)
	c.out.wait(t)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// Two signals at once may arrive in any order; the log tells that the first
	// has.
	for !strings.Contains(c.out.String(), `"stopping"`) {
		select {
		case <-t.Context().Done():
			t.Fatal("does not stop")
		case <-time.After(time.Millisecond):
		}
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code, took := c.end(t); code != 128+int(syscall.SIGINT) || took > 10*time.Second {
		t.Errorf("exit code %d after %v, want 130 at once", code, took)
	}
}

func TestHealthcheck(t *testing.T) {
	clearEnvironment(t)
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server, state := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(server, state)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()

	t.Setenv("AMOGATE_GRPC_ADDR", address)
	for _, args := range [][]string{{}, {"--grpc-addr=:" + port}, {"--grpc-addr=0.0.0.0:" + port}} {
		if code, _, stderr := try(t, append([]string{"healthcheck"}, args...)...); code != exitOK {
			t.Errorf("healthcheck %q of a server: exit code %d: %s", args, code, stderr)
		}
	}
	state.Shutdown()
	if code, _, stderr := try(t, "healthcheck"); code != exitFailed || !strings.Contains(stderr, "NOT_SERVING") {
		t.Errorf("healthcheck of a draining server: exit code %d: %s", code, stderr)
	}
	server.Stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if code, _, _ := try(t, "healthcheck"); code != exitFailed || time.Since(begun) > answerTimeout+time.Second {
		t.Errorf("healthcheck of nobody: exit code %d after %v", code, time.Since(begun))
	}
	if code, _, stderr := try(t, "healthcheck", "--grpc-addr=9090"); code != exitConfig || !strings.Contains(stderr, "--grpc-addr") {
		t.Errorf("healthcheck of a port alone: exit code %d: %s", code, stderr)
	}
}
