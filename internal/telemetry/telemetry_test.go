package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clearEnvironment hides the OTEL_* variables of the machine the test runs on.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

func start(t *testing.T, config telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return tel
}

func scrape(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape: status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// An exporter works in the background: without one nothing runs, so nothing
// can dial.
func TestStart_withoutExporterRunsNothing(t *testing.T) {
	for _, c := range []struct{ name, variable, value string }{
		{"no variable", "", ""},
		{"only a name", "OTEL_SERVICE_NAME", "shop"},
		{"disabled", "OTEL_SDK_DISABLED", "true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clearEnvironment(t)
			if c.variable != "" {
				t.Setenv(c.variable, c.value)
			}
			if c.variable == "OTEL_SDK_DISABLED" {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			}
			before := goleak.IgnoreCurrent()
			tel := start(t, telemetry.Config{})
			if err := goleak.Find(before); err != nil {
				t.Errorf("something runs: %v", err)
			}
			if !strings.Contains(scrape(t, tel), "go_goroutines ") {
				t.Error("metrics cannot be scraped")
			}
		})
	}
}

func TestStart_exportsToTheEndpointOfTheEnvironment(t *testing.T) {
	clearEnvironment(t)
	var mu sync.Mutex
	var paths []string
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)

	tel, err := telemetry.Start(t.Context(), telemetry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	count, err := otel.Meter("test").Int64Counter("rows")
	if err != nil {
		t.Fatal(err)
	}
	count.Add(t.Context(), 1)
	handler := tel.Handler(http.NotFoundHandler())
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/v1/traces", "/v1/metrics"} {
		if !slices.Contains(paths, want) {
			t.Errorf("nothing came to %s: %q", want, paths)
		}
	}
}

func TestStart_refusesUnknownExporters(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	t.Setenv("OTEL_METRICS_EXPORTER", "pigeon")
	_, err := telemetry.Start(t.Context(), telemetry.Config{})
	if err == nil {
		t.Fatal("started")
	}
	for _, want := range []string{"start traces", "start metrics"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestMetrics_doNotGrowWithWhatCallersChoose(t *testing.T) {
	clearEnvironment(t)
	tel := start(t, telemetry.Config{Version: "v1.2.3", Commit: "abc"})
	handler := tel.Handler(http.NotFoundHandler())
	call := func(method, host string) {
		r := httptest.NewRequestWithContext(t.Context(), method, "/v1/customers", http.NoBody)
		r.Host = host
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	call(http.MethodGet, "a.example")
	call("FIRST", "a.example")
	before := scrape(t, tel)
	for _, host := range []string{"b.example", "c.example:81", "d.example"} {
		call(http.MethodGet, host)
		call("METHOD"+strings.ToUpper(host[:1]), host)
	}
	after := scrape(t, tel)
	if got, want := series(after, "http_server"), series(before, "http_server"); got != want || got == 0 {
		t.Errorf("http_server has %d series after other hosts, want %d as before", got, want)
	}
	if !strings.Contains(after, `amogate_build_info{commit="abc",version="v1.2.3"} 1`) {
		t.Error("amogate_build_info is missing")
	}
}

func TestMetrics_countSecondsInSeconds(t *testing.T) {
	clearEnvironment(t)
	tel := start(t, telemetry.Config{})
	wait, err := otel.Meter("test").Float64Histogram("wait.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	wait.Record(t.Context(), 0.02)
	if text := scrape(t, tel); !strings.Contains(text, `wait_duration_seconds_bucket{le="0.025"} 1`) {
		t.Errorf("no bucket up to 25 ms:\n%s", text)
	}
}

func series(text, prefix string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// grpcServer serves health and reflection, traced, over a pipe.
func grpcServer(t *testing.T, tel *telemetry.Telemetry) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(grpc.StatsHandler(tel.ServerStats()))
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	pipe := bufconn.Listen(1 << 16)
	done := make(chan error, 1)
	go func() { done <- server.Serve(pipe) }()
	conn, err := grpc.NewClient("passthrough:pipe", grpc.WithStatsHandler(tel.ClientStats()),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return conn
}

func TestGRPC_countsOnlyMethodsThatExist(t *testing.T) {
	clearEnvironment(t)
	tel := start(t, telemetry.Config{})
	conn := grpcServer(t, tel)
	for _, method := range []string{"/no.Such/Method", "/grpc.health.v1.Health/Nope", "/grpc.health.v1.Health/Check"} {
		// Only the count matters.
		_ = conn.Invoke(t.Context(), method, &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
	}
	if n := series(scrape(t, tel), "rpc_server"); n != 0 {
		t.Errorf("%d series of methods that do not exist or are probes", n)
	}
	reflect(t, conn)
	// The server measures a call once it has ended, which is after its answer left.
	for range 1000 {
		if series(scrape(t, tel), "rpc_server") > 0 {
			return
		}
		runtime.Gosched()
	}
	t.Error("a method that exists is not measured")
}

// reflect makes one call that is traced.
func reflect(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if err != io.EOF { //nolint:errorlint // grpc answers the bare io.EOF at the end of a stream.
		t.Fatal(err)
	}
}

// openSpans counts the spans that have not ended: one of the server ends only
// after its caller has the answer. It belongs behind the processor that keeps
// them.
type openSpans struct{ sync.WaitGroup }

func (o *openSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) { o.Add(1) }
func (o *openSpans) OnEnd(sdktrace.ReadOnlySpan)                     { o.Done() }
func (*openSpans) Shutdown(context.Context) error                    { return nil }
func (*openSpans) ForceFlush(context.Context) error                  { return nil }

func TestHandler_goesOnWithTheTraceOfTheCaller(t *testing.T) {
	clearEnvironment(t)
	spans, open := tracetest.NewInMemoryExporter(), &openSpans{}
	tel := start(t, telemetry.Config{SpanProcessors: []sdktrace.SpanProcessor{sdktrace.NewSimpleSpanProcessor(spans), open}})
	conn := grpcServer(t, tel)
	handler := tel.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(r.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
	}))
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, path := range []string{"/healthz", "/v1/customers?query=79991234567"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		r.Header.Set("traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
		if path == "/healthz" {
			tel.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
			continue
		}
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	open.Wait()
	kinds := map[trace.SpanKind]int{}
	for _, s := range spans.GetSpans() {
		if got := s.SpanContext.TraceID().String(); got != traceID {
			t.Errorf("span %q has trace %s, want the caller's", s.Name, got)
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "7999") {
				t.Errorf("span %q holds the query in %s", s.Name, a.Key)
			}
		}
		kinds[s.SpanKind]++
	}
	if kinds[trace.SpanKindServer] != 2 || kinds[trace.SpanKindClient] != 1 {
		t.Errorf("spans by kind %v, want two servers (HTTP, gRPC) and one client", kinds)
	}
}

func TestLogHandler_addsTheIDsOfTheSpan(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(telemetry.LogHandler(slog.NewJSONHandler(&out, nil))).With("account", "default")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	logger.InfoContext(trace.ContextWithSpanContext(t.Context(), span), "inside")
	logger.InfoContext(t.Context(), "outside")
	var inside, outside map[string]any
	decoder := json.NewDecoder(&out)
	for _, line := range []*map[string]any{&inside, &outside} {
		if err := decoder.Decode(line); err != nil {
			t.Fatal(err)
		}
	}
	if inside["trace_id"] != span.TraceID().String() || inside["span_id"] != span.SpanID().String() || inside["account"] != "default" {
		t.Errorf("line inside a span: %v", inside)
	}
	if _, ok := outside["trace_id"]; ok {
		t.Errorf("line outside of a span: %v", outside)
	}
}
