package main

import (
	"context"
	"time"
)

// table is the fault table. Rows with processes take theirs from x.
func table(x *executable) []Row {
	return []Row{
		{"P01", "exit 0 within 2s of SIGTERM (drain delay 1s + 1s), with idle callers connected", x.stopIdle},
		{"P02", "a unary call in flight at SIGTERM ends OK within 25s, then exit 0", x.stopInCall},
		{"P03", "streams end with UNAVAILABLE/SERVER_DRAINING within 2s of SIGTERM (drain delay 1s + 1s); the next process resumes to the exact tail", x.stopInStream},
		{"P09", "a panic in or behind a handler is INTERNAL/PANIC, logged with its stack and without the payload; the next call is OK", panicInHandler},
		{"P12", "wrong configuration: exit 78, every error at once, no secret shown", func(ctx context.Context) (string, error) {
			return x.badConfig(ctx, badConfigurations)
		}},
		{"C02", "upstream is left within 100ms of a cancel in mid-stream; cancelled calls keep no slot", func(ctx context.Context) (string, error) {
			return cancelInStream(ctx, 100*time.Millisecond)
		}},
		{"C04", "a unary call without a deadline ends with DEADLINE_EXCEEDED after the default of 60s (run with 300ms)", func(ctx context.Context) (string, error) {
			return noDeadline(ctx, 60*time.Second)
		}},
		{"C10", "every violation is listed: INVALID_ARGUMENT/VALIDATION; nothing is sent upstream", func(ctx context.Context) (string, error) {
			return manyViolations(ctx, violatedFields)
		}},
		{"C11", "malformed JSON is 400 with its position, an unknown field 400 with its path", func(ctx context.Context) (string, error) {
			return badJSON(ctx, badBodies)
		}},
		{"C17", "no header becomes metadata under another name: Grpc-Metadata-… is dropped", func(ctx context.Context) (string, error) {
			return foreignHeaders(ctx, foreignKeys)
		}},
		{"C18", "CR, LF and non-ASCII never reach upstream's headers: INVALID_ARGUMENT", func(ctx context.Context) (string, error) {
			return hostileValues(ctx, hostileAccounts)
		}},
	}
}
