package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/telemetry"
)

// spanRecorder keeps spans. A span of the server ends only after its caller has
// the answer, so whoever asks for the ended ones waits for all that began.
type spanRecorder struct {
	*tracetest.SpanRecorder

	open sync.WaitGroup
}

// OnStart implements sdktrace.SpanProcessor.
func (r *spanRecorder) OnStart(ctx context.Context, span sdktrace.ReadWriteSpan) {
	r.open.Add(1)
	r.SpanRecorder.OnStart(ctx, span)
}

// OnEnd implements sdktrace.SpanProcessor.
func (r *spanRecorder) OnEnd(span sdktrace.ReadOnlySpan) {
	r.SpanRecorder.OnEnd(span)
	r.open.Done()
}

// Ended returns all spans, once they have ended.
func (r *spanRecorder) Ended() []sdktrace.ReadOnlySpan {
	r.open.Wait()
	return r.SpanRecorder.Ended()
}

// startTelemetry starts the telemetry of a process whose spans a recorder keeps.
// Its providers are those of the test process: such tests cannot be parallel.
func startTelemetry(t *testing.T) (*telemetry.Telemetry, *spanRecorder) {
	t.Helper()
	recorder := &spanRecorder{SpanRecorder: tracetest.NewSpanRecorder()}
	started, err := telemetry.Start(t.Context(), telemetry.Config{SpanProcessors: []sdktrace.SpanProcessor{recorder}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return started, recorder
}

// What a caller sends and gets that no span may hold.
const (
	searched    = "canary-search-text"
	customerOf  = "canary-customer-name"
	traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func TestTrace_leadsFromTheCallerToUpstream(t *testing.T) {
	for _, c := range []struct {
		transport  string
		generation amo.Generation
	}{{"gRPC", amo.V2}, {"REST", amo.V2}, {"gRPC", amo.Auto}, {"REST", amo.Auto}} {
		name := c.transport + " over auto"
		if c.generation != amo.Auto {
			name = c.transport + " over " + c.generation.String()
		}
		t.Run(name, func(t *testing.T) {
			started, recorder := startTelemetry(t)
			s := newStack(t, setup{client: amo.Config{Rate: 7, Generation: c.generation}, telemetry: started})
			if _, err := s.emulator.AddCustomer(emulator.Customer{ID: 5, Name: customerOf}); err != nil {
				t.Fatal(err)
			}
			want := []string{"amocrm account.get", "amocrm customers.list", "amocrm customers.create"}
			var chain []string
			switch c.transport {
			case "gRPC":
				s.callTraced(t)
				chain = []string{"amogate.v1.CustomerService/"}
			case "REST":
				r := s.do(t, http.MethodGet, "/v1/customers?filter.query="+searched, "", "traceparent", traceparent)
				if r.status != http.StatusOK {
					t.Fatalf("list: %d %s", r.status, r.body)
				}
				body := `{"name":"` + customerOf + `","next_purchase_time":"2030-01-01T00:00:00Z"}`
				if r := s.do(t, http.MethodPost, "/v1/customers", body, "traceparent", traceparent); r.status != http.StatusOK {
					t.Fatalf("create: %d %s", r.status, r.body)
				}
				// otelhttp, then both ends of the gateway's connection.
				chain = []string{"amogate.v1.CustomerService/", "amogate.v1.CustomerService/", ""}
			}
			checkTrace(t, recorder.Ended(), want, chain)
		})
	}
}

// callTraced makes the two calls over gRPC.
func (s *stack) callTraced(t *testing.T) {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent)
	filter := &amogatev1.CustomerFilter{Query: searched}
	if _, err := s.api.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{Filter: filter}); err != nil {
		t.Fatal(err)
	}
	customer := &amogatev1.Customer{}
	readJSON(t, "testdata/full_customer.json", customer)
	customer.Name = customerOf
	if _, err := s.api.CreateCustomer(ctx, &amogatev1.CreateCustomerRequest{Customer: customer}); err != nil {
		t.Fatal(err)
	}
}

// checkTrace fails unless every wanted upstream span hangs, over spans whose
// names begin as chain says, on the span of the caller.
func checkTrace(t *testing.T, spans []sdktrace.ReadOnlySpan, want, chain []string) {
	t.Helper()
	caller := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": traceparent}))
	byID := map[trace.SpanID]sdktrace.ReadOnlySpan{}
	for _, span := range spans {
		byID[span.SpanContext().SpanID()] = span
		if span.SpanContext().TraceID() != caller.TraceID() {
			t.Errorf("span %q belongs to another trace", span.Name())
		}
		checkSpan(t, span)
	}
	found := map[string]bool{}
	for _, span := range spans {
		if !slices.Contains(want, span.Name()) {
			continue
		}
		found[span.Name()] = true
		at := span
		path := []string{span.Name()}
		for _, name := range chain {
			parent := byID[at.Parent().SpanID()]
			if parent == nil {
				t.Fatalf("%v has no parent", path)
			}
			path = append(path, parent.Name())
			if !strings.HasPrefix(parent.Name(), name) {
				t.Errorf("the parents of a span are %v, want names that begin with %v", path, chain)
			}
			at = parent
		}
		if at.Parent().SpanID() != caller.SpanID() {
			t.Errorf("%v does not hang on the caller's span", path)
		}
	}
	for _, name := range want {
		if !found[name] {
			t.Errorf("there is no span %q", name)
		}
	}
}

// checkSpan fails when a span tells more than the operation and how it went.
func checkSpan(t *testing.T, span sdktrace.ReadOnlySpan) {
	t.Helper()
	attributes := slices.Clone(span.Attributes())
	texts := []string{span.Name(), span.Status().Description}
	for _, event := range span.Events() {
		texts = append(texts, event.Name)
		attributes = append(attributes, event.Attributes...)
	}
	for _, a := range attributes {
		switch a.Key {
		case "url.full", "url.query", "http.url", "http.target":
			t.Errorf("span %q has the attribute %s", span.Name(), a.Key)
		}
	}
	for _, text := range append(texts, textsOf(attributes)...) {
		for _, canary := range []string{searched, customerOf, emulator.DefaultToken} {
			if strings.Contains(text, canary) {
				t.Errorf("span %q tells %q: %s", span.Name(), canary, text)
			}
		}
	}
}

// textsOf spells attributes.
func textsOf(attributes []attribute.KeyValue) []string {
	texts := make([]string, len(attributes))
	for i, a := range attributes {
		texts[i] = string(a.Key) + "=" + a.Value.String()
	}
	return texts
}
