package amo

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in traces and metrics.
const scope = "github.com/amogate/amogate/amo"

// metrics are the instruments of a client. Attributes hold operation names and
// statuses only: no URL, since queries hold people's data.
type metrics struct {
	tracer   trace.Tracer
	requests metric.Float64Histogram
	retries  metric.Int64Counter
}

func newMetrics() (*metrics, error) {
	meter := otel.Meter(scope)
	requests, err := meter.Float64Histogram("amogate.upstream.request.duration",
		metric.WithUnit("s"), metric.WithDescription("Time from sending a request upstream to the end of its answer; status 0 = no answer."))
	if err != nil {
		return nil, err
	}
	retries, err := meter.Int64Counter("amogate.upstream.retries",
		metric.WithDescription("Requests that repeated another, by the reason; reason budget = those that were not made since the budget of retries was spent."))
	if err != nil {
		return nil, err
	}
	return &metrics{tracer: otel.Tracer(scope), requests: requests, retries: retries}, nil
}

// begin starts the span of one request; finish ends it with the status. The time
// is measured from the last call of left on.
func (m *metrics) begin(ctx context.Context, method, name string) (_ context.Context, left func(), finish func(status int)) {
	began := time.Now()
	ctx, span := m.tracer.Start(ctx, "amocrm "+name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("amogate.operation", name)))
	return ctx, func() { began = time.Now() }, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status == 0 || status >= 400 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
		m.requests.Record(ctx, time.Since(began).Seconds(),
			metric.WithAttributes(attribute.String("operation", name), attribute.Int("status", status)))
	}
}

// retried counts a retry.
func (m *metrics) retried(ctx context.Context, reason string) {
	m.retries.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}
