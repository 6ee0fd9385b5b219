package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// seconds are the bounds of histograms of seconds, from a call within the
// process to the longest attempt upstream, 30 s, and what waits behind it. The
// SDK's own bounds are meant for milliseconds.
var seconds = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// view keeps from every metric what a caller can set at will, as the Host
// header: each value would be a series of its own for ever.
func view(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	stream := sdkmetric.Stream{
		Name:        i.Name,
		Description: i.Description,
		Unit:        i.Unit,
		AttributeFilter: attribute.NewDenyKeysFilter(
			"server.address", "server.port",
			"client.address", "client.port",
			"network.peer.address", "network.peer.port",
			"network.protocol.name", "network.protocol.version",
		),
	}
	if i.Kind == sdkmetric.InstrumentKindHistogram && i.Unit == "s" {
		stream.Aggregation = sdkmetric.AggregationExplicitBucketHistogram{Boundaries: seconds}
	}
	return stream, true
}
