// A filter takes 10,000 ids, which is all that net/url reads of a query by
// default; a page has its size and its token beside them.
//
//go:debug urlmaxqueryparams=11000

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc/grpclog"
)

func main() {
	grpclog.SetLoggerV2(grpcLog{})
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		// Whoever signals twice does not want to wait.
		code := exitFailed
		if second, ok := (<-signals).(syscall.Signal); ok {
			code = 128 + int(second)
		}
		os.Exit(code)
	}()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}
