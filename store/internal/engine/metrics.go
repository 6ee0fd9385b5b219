package engine

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/amogate/amogate/amo"
)

// Metrics are the instruments of a store. Attributes hold operation names and
// kinds of failures, never the name of an account.
type Metrics struct {
	operations metric.Float64Histogram
	failures   metric.Int64Counter
}

// NewMetrics returns the instruments.
func NewMetrics() (*Metrics, error) {
	meter := otel.Meter("github.com/amogate/amogate/store")
	operations, err := meter.Float64Histogram("amogate.store.operation.duration",
		metric.WithUnit("s"), metric.WithDescription("Time of an operation of the store, with its wait for a connection, a lock, a group commit."))
	if err != nil {
		return nil, err
	}
	failures, err := meter.Int64Counter("amogate.store.errors",
		metric.WithDescription("Operations that the store failed, by what was wrong: unavailable, busy, full."))
	if err != nil {
		return nil, err
	}
	return &Metrics{operations: operations, failures: failures}, nil
}

// Observe counts one operation that began at a time and ended with err.
func (m *Metrics) Observe(ctx context.Context, op string, began time.Time, err error) {
	name := attribute.String("operation", op)
	m.operations.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(name))
	var e *amo.Error
	if !errors.As(err, &e) {
		return
	}
	failures := map[amo.Kind]string{
		amo.KindStoreUnavailable: "unavailable",
		amo.KindStoreBusy:        "busy",
		amo.KindStoreFull:        "full",
	}
	if failure := failures[e.Kind]; failure != "" {
		m.failures.Add(ctx, 1, metric.WithAttributes(name, attribute.String("failure", failure)))
	}
}
