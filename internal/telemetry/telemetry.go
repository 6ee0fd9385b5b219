package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config describes the process. Its zero value is usable.
type Config struct {
	// Version and Commit of the binary, for the resource and for
	// amogate_build_info.
	Version, Commit string
	// Logger receives what the exporters complain of. Default: none.
	Logger *slog.Logger
	// SpanProcessors receive every span besides the exporter of the
	// environment; tests pass an in-memory one.
	SpanProcessors []sdktrace.SpanProcessor
}

// Telemetry holds the providers of one process. It is safe for concurrent use.
type Telemetry struct {
	tracers    trace.TracerProvider
	meters     *sdkmetric.MeterProvider
	propagator propagation.TextMapPropagator
	registry   *prometheus.Registry
	stop       []func(context.Context) error
}

// Start makes the providers and, where the environment asks for them, the
// exporters. It makes the providers those of the process, for packages that
// take theirs from there. It fails when an OTEL_* variable has a value it does
// not know. The caller calls Shutdown.
func Start(ctx context.Context, config Config) (*Telemetry, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	// The SDK has one error handler a process; without it it prints to stderr
	// past the log.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		config.Logger.Warn("telemetry", "error", err)
	}))
	described, err := describe(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("describe process: %w", err)
	}
	t := &Telemetry{
		propagator: propagation.TraceContext{},
		registry:   prometheus.NewRegistry(),
	}
	if err := errors.Join(t.startTraces(ctx, config, described), t.startMetrics(ctx, config, described)); err != nil {
		// What did start is stopped; that it may fail too adds nothing.
		_ = t.Shutdown(ctx)
		return nil, err
	}
	otel.SetTracerProvider(t.tracers)
	otel.SetMeterProvider(t.meters)
	otel.SetTextMapPropagator(t.propagator)
	return t, nil
}

// describe lets OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override our
// own name.
func describe(ctx context.Context, config Config) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "amogate"),
			attribute.String("service.version", config.Version),
		),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
}

func (t *Telemetry) startTraces(ctx context.Context, config Config, described *resource.Resource) error {
	processors := slices.Clone(config.SpanProcessors)
	if exports("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return fmt.Errorf("start traces: %w", err)
		}
		processors = append(processors, sdktrace.NewBatchSpanProcessor(exporter))
	}
	if len(processors) == 0 {
		// Passes on the trace ids of callers and records nothing.
		t.tracers = noop.NewTracerProvider()
		return nil
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(described)}
	for _, p := range processors {
		options = append(options, sdktrace.WithSpanProcessor(p))
	}
	provider := sdktrace.NewTracerProvider(options...)
	t.tracers = provider
	t.stop = append(t.stop, provider.Shutdown)
	return nil
}

func (t *Telemetry) startMetrics(ctx context.Context, config Config, described *resource.Resource) error {
	reader, err := otelprometheus.New(
		otelprometheus.WithRegisterer(t.registry),
		otelprometheus.WithoutScopeInfo(),
	)
	if err != nil {
		return fmt.Errorf("start metrics: %w", err)
	}
	options := []sdkmetric.Option{
		sdkmetric.WithResource(described),
		sdkmetric.WithReader(reader),
		sdkmetric.WithView(view),
	}
	if exports("METRICS") {
		exporter, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return fmt.Errorf("start metrics: %w", err)
		}
		options = append(options, sdkmetric.WithReader(exporter))
	}
	t.meters = sdkmetric.NewMeterProvider(options...)
	t.stop = append(t.stop, t.meters.Shutdown)

	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "amogate_build_info",
		Help:        "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": config.Version, "commit": config.Commit},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{
		build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := t.registry.Register(c); err != nil {
			return fmt.Errorf("start metrics: %w", err)
		}
	}
	return nil
}

// exports says whether the environment asks for an exporter of this signal.
// The SDK's own default would dial a collector on this host.
func exports(signal string) bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return false
	}
	for _, name := range []string{
		"OTEL_" + signal + "_EXPORTER",
		"OTEL_EXPORTER_OTLP_" + signal + "_ENDPOINT",
		"OTEL_EXPORTER_OTLP_ENDPOINT",
	} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// MetricsHandler answers a scrape in the Prometheus format.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry})
}

// Shutdown exports what is left and ends the exporters, within ctx.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, stop := range t.stop {
		errs = append(errs, stop(ctx))
	}
	t.stop = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop telemetry: %w", err)
	}
	return nil
}
