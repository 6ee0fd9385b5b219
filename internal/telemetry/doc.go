// Package telemetry is what the binary tells about itself: traces, metrics and
// the trace ids of its log lines.
//
// Where traces and metrics go is decided by the OTEL_* variables that every
// OpenTelemetry SDK reads. Without one that names an exporter or an endpoint
// nothing is exported and no connection is made; metrics can always be scraped
// in the Prometheus format from MetricsHandler.
//
// Nothing of a customer's data is in a span or a metric: queries are cut from
// the URLs of spans, and metrics carry no attribute that a caller can choose.
// Requests to the account carry no trace headers, for they leave the house.
package telemetry
