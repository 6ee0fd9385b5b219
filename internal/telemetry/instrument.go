package telemetry

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ServerStats traces and measures the calls of a gRPC server.
func (t *Telemetry) ServerStats() stats.Handler {
	return otelgrpc.NewServerHandler(t.grpcOptions()...)
}

// ClientStats traces the calls of the gateway to the gRPC server and hands the
// trace on.
func (t *Telemetry) ClientStats() stats.Handler {
	return otelgrpc.NewClientHandler(t.grpcOptions()...)
}

func (t *Telemetry) grpcOptions() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.tracers),
		otelgrpc.WithMeterProvider(t.meters),
		otelgrpc.WithPropagators(t.propagator),
		otelgrpc.WithFilter(isOurs),
	}
}

// isOurs leaves out probes, which would drown the rest, and methods that do not
// exist: their names are the caller's choice, and each would be a series.
func isOurs(info *stats.RPCTagInfo) bool {
	service, method, found := strings.Cut(strings.TrimPrefix(info.FullMethodName, "/"), "/")
	if !found || service == "grpc.health.v1.Health" {
		return false
	}
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return false
	}
	s, ok := descriptor.(protoreflect.ServiceDescriptor)
	return ok && s.Methods().ByName(protoreflect.Name(method)) != nil
}

// Handler traces and measures the requests of an HTTP server, but for probes.
func (t *Telemetry) Handler(next http.Handler) http.Handler {
	return otelhttp.NewHandler(next, "rest",
		otelhttp.WithTracerProvider(t.tracers),
		otelhttp.WithMeterProvider(t.meters),
		otelhttp.WithPropagators(t.propagator),
		otelhttp.WithFilter(func(r *http.Request) bool {
			return r.URL.Path != "/healthz" && r.URL.Path != "/readyz"
		}),
	)
}
