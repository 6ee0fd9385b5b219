package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/grpc/grpclog"
)

// grpcLog is where gRPC and the gateway's runtime log what they tell nobody
// else, as a caller that left in the middle of a stream. Without it they write
// text to stderr, past the log. It takes the default logger at each line, since
// it has to be set before the flags are read.
type grpcLog struct{}

var _ grpclog.LoggerV2 = grpcLog{}

func writeGRPC(level slog.Level, text string) {
	slog.Log(context.Background(), level, "grpc", "text", strings.TrimSpace(text))
}

// Details of connections are of interest for debugging only; errors end no
// more than a connection or a stream.
func (grpcLog) Info(args ...any) { writeGRPC(slog.LevelDebug, fmt.Sprint(args...)) }

func (grpcLog) Infoln(args ...any) { writeGRPC(slog.LevelDebug, fmt.Sprintln(args...)) }

func (grpcLog) Infof(format string, args ...any) {
	writeGRPC(slog.LevelDebug, fmt.Sprintf(format, args...))
}

func (grpcLog) Warning(args ...any) { writeGRPC(slog.LevelDebug, fmt.Sprint(args...)) }

func (grpcLog) Warningln(args ...any) { writeGRPC(slog.LevelDebug, fmt.Sprintln(args...)) }

func (grpcLog) Warningf(format string, args ...any) {
	writeGRPC(slog.LevelDebug, fmt.Sprintf(format, args...))
}

func (grpcLog) Error(args ...any) { writeGRPC(slog.LevelWarn, fmt.Sprint(args...)) }

func (grpcLog) Errorln(args ...any) { writeGRPC(slog.LevelWarn, fmt.Sprintln(args...)) }

func (grpcLog) Errorf(format string, args ...any) {
	writeGRPC(slog.LevelWarn, fmt.Sprintf(format, args...))
}

// The interface demands that these do not return.

func (grpcLog) Fatal(args ...any)                 { fatal(fmt.Sprint(args...)) }
func (grpcLog) Fatalln(args ...any)               { fatal(fmt.Sprintln(args...)) }
func (grpcLog) Fatalf(format string, args ...any) { fatal(fmt.Sprintf(format, args...)) }

func fatal(text string) {
	writeGRPC(slog.LevelError, text)
	os.Exit(exitFailed)
}

// V says that no verbose line is wanted, whatever its level.
func (grpcLog) V(int) bool { return false }
