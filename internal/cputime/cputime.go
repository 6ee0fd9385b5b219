// Package cputime reads the processor time of the process, for benchmarks: where
// the machine is shared, wall time measures the neighbours.
package cputime

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Used returns the processor time that the process has used, its system calls
// and its garbage collection included.
func Used() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// PerRow runs loop, which handles rows rows each time b.Loop says so, and
// reports and returns the processor time of a row in microseconds.
func PerRow(b *testing.B, rows int, loop func()) float64 {
	b.Helper()
	perRow := micros(b, rows, loop) / float64(b.N)
	b.ReportMetric(perRow, "cpu-µs/row")
	return perRow
}

// block is how often Against runs one of the two in a row.
const block = 5

// Against runs ours and theirs, which both handle the same rows rows, in turns,
// and reports the processor time of a row of each and their ratio. Of each it takes
// the fastest turn: the processor is never faster than it is, only slower while
// neighbours use its caches.
func Against(b *testing.B, rows int, ours, theirs func()) {
	b.Helper()
	turn := func(work func()) float64 {
		runtime.GC() // what the other one left
		return micros(b, block*rows, func() {
			for range block {
				work()
			}
		})
	}
	our, their := turn(ours), turn(theirs)
	for b.Loop() {
		our, their = min(our, turn(ours)), min(their, turn(theirs))
	}
	b.ReportMetric(0, "ns/op") // it would be the time of both
	b.ReportMetric(our, "cpu-µs/row")
	b.ReportMetric(their, "their-cpu-µs/row")
	b.ReportMetric(our/their, "of-theirs")
	b.ReportMetric(testing.AllocsPerRun(1, ours)/float64(rows), "allocs/row")
}

// micros returns the microseconds of processor time that each of rows rows takes.
func micros(b *testing.B, rows int, work func()) float64 {
	b.Helper()
	before, err := Used()
	if err != nil {
		b.Fatal(err)
	}
	work()
	after, err := Used()
	if err != nil {
		b.Fatal(err)
	}
	return float64((after - before).Nanoseconds()) / 1000 / float64(rows)
}
