package telemetry

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
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

// queryCutter hands spans on without the queries of their URLs: searches and
// filters hold names and phone numbers. It acts at the end of a span, for
// instrumentation sets attributes after its start.
type queryCutter struct{ sdktrace.SpanProcessor }

// OnEnd implements sdktrace.SpanProcessor.
func (c queryCutter) OnEnd(span sdktrace.ReadOnlySpan) { c.SpanProcessor.OnEnd(cutSpan{span}) }

type cutSpan struct{ sdktrace.ReadOnlySpan }

// Attributes implements sdktrace.ReadOnlySpan.
func (s cutSpan) Attributes() []attribute.KeyValue {
	attributes := slices.Clone(s.ReadOnlySpan.Attributes())
	for i, a := range attributes {
		switch a.Key {
		case "url.full":
			before, _, _ := strings.Cut(a.Value.AsString(), "?")
			attributes[i] = attribute.String("url.full", before)
		case "url.query":
			attributes[i] = attribute.String("url.query", "")
		}
	}
	return attributes
}
