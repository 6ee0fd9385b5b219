package custody

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in traces and metrics.
const scope = "github.com/amogate/amogate/amo/custody"

// metrics are the instruments of a keeper.
type metrics struct {
	account      attribute.KeyValue
	tracer       trace.Tracer
	refreshes    metric.Int64Counter
	lost         metric.Int64Counter
	registration metric.Registration
}

func newMetrics(k *Keeper) (*metrics, error) {
	meter := otel.Meter(scope)
	m := &metrics{account: attribute.String("account", k.config.Account), tracer: otel.Tracer(scope)}
	var err error
	if m.refreshes, err = meter.Int64Counter("amogate.token.refresh",
		metric.WithDescription("Calls of the token endpoint by outcome: ok, revoked, lost, misconfigured, unknown (it may have been carried out), blocked, failed.")); err != nil {
		return nil, err
	}
	if m.lost, err = meter.Int64Counter("amogate.token.lost",
		metric.WithDescription("Accounts that a person has to authorize again since new tokens were lost on their way.")); err != nil {
		return nil, err
	}
	expiry, err := meter.Float64ObservableGauge("amogate.token.expiry",
		metric.WithUnit("s"), metric.WithDescription("Time until an account's access token ends; negative = it has ended."))
	if err != nil {
		return nil, err
	}
	m.registration, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		if end, ok := k.expiry(); ok {
			o.ObserveFloat64(expiry, time.Until(end).Seconds(), metric.WithAttributes(m.account))
		}
		return nil
	}, expiry)
	return m, err
}

// close ends the observation of the keeper.
func (m *metrics) close() { _ = m.registration.Unregister() }

// refreshed counts a call of the token endpoint.
func (m *metrics) refreshed(outcome string) {
	m.refreshes.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

// lostTokens counts an account that has lost its tokens.
func (m *metrics) lostTokens() {
	m.lost.Add(context.Background(), 1, metric.WithAttributes(m.account))
}

// begin starts the span of a call of the token endpoint.
func (m *metrics) begin(ctx context.Context) (context.Context, trace.Span) {
	return m.tracer.Start(ctx, "refresh tokens", trace.WithAttributes(m.account))
}

// observe makes a journal's pending entries a metric.
func (j *Journal) observe() error {
	meter := otel.Meter(scope)
	pending, err := meter.Int64ObservableGauge("amogate.journal.pending",
		metric.WithDescription("Received token pairs that the store has not taken yet; above 0 for long = mend the store."))
	if err != nil {
		return err
	}
	j.observed, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(pending, int64(j.Pending()))
		return nil
	}, pending)
	if err != nil {
		return fmt.Errorf("custody: the journal's metric: %w", err)
	}
	return nil
}
