package limit

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/amogate/amogate/amo/internal/driver"
)

// scope names this package in metrics.
const scope = "github.com/amogate/amogate/amo/limit"

// metrics are the instruments of a limiter.
type metrics struct {
	waits        metric.Float64Histogram
	shed         metric.Int64Counter
	limits       metric.Int64Counter
	registration metric.Registration
}

func newMetrics(l *Limiter) (*metrics, error) {
	meter := otel.Meter(scope)
	m := &metrics{}
	var err error
	note := func(e error) {
		if err == nil {
			err = e
		}
	}
	var e error
	m.waits, e = meter.Float64Histogram("amogate.limiter.wait.duration",
		metric.WithUnit("s"), metric.WithDescription("Time that requests waited for a slot of the account's limiter."))
	note(e)
	m.shed, e = meter.Int64Counter("amogate.limiter.shed",
		metric.WithDescription("Requests that were refused because their slot would have come too late."))
	note(e)
	m.limits, e = meter.Int64Counter("amogate.upstream.429",
		metric.WithDescription("Answers 429 of upstream."))
	note(e)
	rate, e := meter.Float64ObservableGauge("amogate.limiter.rate",
		metric.WithUnit("{request}/s"), metric.WithDescription("Present rate of the account's limiter; lower for a while after a 429."))
	note(e)
	blocked, e := meter.Int64ObservableGauge("amogate.account.blocked",
		metric.WithDescription("1 while upstream has blocked the account."))
	note(e)
	egress, e := meter.Int64ObservableGauge("amogate.egress.blocked",
		metric.WithDescription("1 while upstream has blocked the address of this service."))
	note(e)
	if err != nil {
		return nil, err
	}
	account := metric.WithAttributes(attribute.String("account", l.config.Account))
	m.registration, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		o.ObserveFloat64(rate, l.account.rate(l.storeNow(), l.config.Rate, l.config.Settings), account)
		o.ObserveInt64(blocked, one(l.account.Ban.open()), account)
		o.ObserveInt64(egress, one(l.egress.Ban.open()))
		return nil
	}, rate, blocked, egress)
	return m, err
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (m *metrics) waited(ctx context.Context, c Class, wait time.Duration) {
	m.waits.Record(ctx, wait.Seconds(), metric.WithAttributes(attribute.String("class", c.String())))
}

// refused counts requests that got no slot, but not those of a closed account.
func (m *metrics) refused(ctx context.Context, c Class, err error) {
	e, ok := err.(*driver.Error) //nolint:errorlint // a limiter's errors are not wrapped
	if ok && (e.Kind == driver.KindQueueFull || e.Kind == driver.KindRateLimited) {
		m.shed.Add(ctx, 1, metric.WithAttributes(attribute.String("class", c.String())))
	}
}

func (m *metrics) limited(ctx context.Context) { m.limits.Add(ctx, 1) }

func (m *metrics) close() {
	_ = m.registration.Unregister() // fails only for what was not registered
}
