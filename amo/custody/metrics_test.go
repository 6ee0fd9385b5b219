package custody_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// measured returns the present values of all instruments, by name and attributes.
func measured(t *testing.T, reader *metric.ManualReader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	add := func(name string, set attribute.Set, value float64) {
		values[name+" "+set.Encoded(attribute.DefaultEncoder())] = value
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			}
		}
	}
	return values
}

func TestMetrics_tellRefreshesLossesAndTheEnd(t *testing.T) {
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.lose = func(n int) bool { return n == 2 }
		k := b.keeper()
		b.want(k, 1)
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		synctest.Wait()
		time.Sleep(14 * time.Hour)
		b.want(k, 2)
		time.Sleep(time.Minute)
		b.want(k, 2)
		synctest.Wait()
		got := measured(t, reader)
		want := map[string]float64{
			"amogate.token.refresh outcome=ok":      1,
			"amogate.token.refresh outcome=unknown": 1,
			"amogate.token.refresh outcome=lost":    1,
			"amogate.token.lost account=shop":       1,
			"amogate.token.expiry account=shop":     (10*time.Hour - time.Minute).Seconds(),
			"amogate.journal.pending ":              0,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}
