package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// withoutCallersChoice keeps from every metric what a caller can set at will,
// as the Host header: each value would be a series of its own for ever.
func withoutCallersChoice(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	return sdkmetric.Stream{
		Name:        i.Name,
		Description: i.Description,
		Unit:        i.Unit,
		AttributeFilter: attribute.NewDenyKeysFilter(
			"server.address", "server.port",
			"client.address", "client.port",
			"network.peer.address", "network.peer.port",
			"network.protocol.name", "network.protocol.version",
		),
	}, true
}
