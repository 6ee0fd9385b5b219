package main

import (
	"io"
	"log/slog"

	"github.com/amogate/amogate/internal/telemetry"
)

// readLogger makes the logger of the flags. On a problem it returns nil.
func (p *problems) readLogger(level, format string, out io.Writer) *slog.Logger {
	var options slog.HandlerOptions
	switch level {
	case "debug":
		options.Level = slog.LevelDebug
	case "info":
		options.Level = slog.LevelInfo
	case "warn":
		options.Level = slog.LevelWarn
	case "error":
		options.Level = slog.LevelError
	default:
		p.add("log-level", "%q is unknown; give debug, info, warn or error", level)
	}
	var handler slog.Handler
	switch format {
	case "json":
		handler = slog.NewJSONHandler(out, &options)
	case "text":
		handler = slog.NewTextHandler(out, &options)
	default:
		p.add("log-format", "%q is unknown; give json or text", format)
		return nil
	}
	return slog.New(telemetry.LogHandler(handler))
}
