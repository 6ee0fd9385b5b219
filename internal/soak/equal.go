package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// equalCallers share one process for equalTime.
	equalCallers              = 10
	equalTime, shortEqualTime = time.Minute, 8 * time.Second
	leastJain                 = 0.95
	// equalTimeout bounds the whole program.
	equalTimeout = 5 * time.Minute
)

// equal lets equal callers share one process.
func equal(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, equalTimeout)
	defer cancel()
	up, err := newUpstream(watched(1000), nil)
	if err != nil {
		return err
	}
	defer up.server.Close()
	in, err := newInstallation(ctx, b.dir, "")
	if err != nil {
		return err
	}
	f, err := newFleet(ctx, b, in, up, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	calling, stop := during(ctx, length(b, equalTime, shortEqualTime))
	defer stop()
	calls := f.call(calling, equalCallers)
	out.figure("Jain index", jain(calls.done) >= leastJain, fmt.Sprintf(">= %.2f", leastJain),
		fmt.Sprintf("%.4f, calls answered %v", jain(calls.done), calls.done))
	out.figure("failures", calls.failures() == 0, "= 0", strconv.Itoa(calls.failures()))
	return ctx.Err()
}
