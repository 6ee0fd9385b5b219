// Package telemetry is what the binary tells about itself: traces, metrics and
// the trace ids of its log lines.
//
// Where traces and metrics go is decided by the OTEL_* variables that every
// OpenTelemetry SDK reads. Without one that names an exporter or an endpoint
// nothing is exported and no connection is made; metrics can always be scraped
// in the Prometheus format from MetricsHandler.
//
// Nothing of a customer's data is in a span or a metric: spans carry paths
// without queries, and metrics carry no attribute that a caller can choose.
// Package amo traces and measures its own requests to the account, by
// operation; they carry no trace headers, for they leave the house.
package telemetry
