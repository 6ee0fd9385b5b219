package main

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// meters collects what this process counts.
var meters = sync.OnceValue(func() *metric.ManualReader {
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	return reader
})

// counted returns the sum of a counter over all its attributes. It goes on from
// row to row.
func counted(ctx context.Context, name string) (int64, error) {
	var all metricdata.ResourceMetrics
	if err := meters().Collect(ctx, &all); err != nil {
		return 0, fmt.Errorf("collect metrics: %w", err)
	}
	total := int64(0)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, point := range sum.DataPoints {
					total += point.Value
				}
			}
		}
	}
	return total, nil
}
