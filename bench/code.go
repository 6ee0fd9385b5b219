package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// benchmark is a benchmark of the tests whose figure has a bound.
type benchmark struct {
	name string
	// dir is its package, run what -bench takes.
	dir, run string
	// unit names the metric.
	unit string
	// most and least are its bounds; 0 = none.
	most, least float64
}

// benchmarks are judged by the median of their runs. What BenchmarkDecode tells of a
// run is the fastest of its turns; pages come with their letters escaped.
var benchmarks = []benchmark{
	{"decode a page, v2", "./amo/internal/v2", "^BenchmarkDecode$/^escaped$", "cpu-µs/row", 20, 0},
	{"decode a page, v4", "./amo/internal/v4", "^BenchmarkDecode$/^escaped$", "cpu-µs/row", 20, 0},
	{"stored pages to a gRPC client, v2", "./server", "^BenchmarkPath$/^v2$", "rows/cpu-s", 0, 35_000},
	{"stored pages to a gRPC client, v4", "./server", "^BenchmarkPath$/^v4$", "rows/cpu-s", 0, 35_000},
	{"the same with a Go client that decodes them, v2", "./server", "^BenchmarkPath$/^v2_decoding$", "rows/cpu-s", 0, 0},
	{"the same with a Go client that decodes them, v4", "./server", "^BenchmarkPath$/^v4_decoding$", "rows/cpu-s", 0, 0},
	{"rows from memory over REST", "./server/gateway", "^BenchmarkList$/^amogate$", "rows/s", 0, 100_000},
	{"the same by a stock gateway", "./server/gateway", "^BenchmarkList$/^stock$", "rows/s", 0, 0},
}

// measureCode runs the benchmarks of single steps.
func measureCode(ctx context.Context, b *bench, out *report) error {
	for _, bm := range benchmarks {
		test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", bm.run, //nolint:gosec // arguments of ours
			"-count", strconv.Itoa(b.plan.benchRuns), "-benchtime", b.plan.benchTime.String(), bm.dir)
		test.Dir = b.root
		printed, err := test.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", bm.name, err, printed)
		}
		out.add(bm.judge(metrics(string(printed), bm.unit)))
	}
	return nil
}

// metrics returns the values of a unit in what `go test -bench` prints.
func metrics(printed, unit string) []float64 {
	var all []float64
	for line := range strings.Lines(printed) {
		fields := strings.Fields(line)
		i := slices.Index(fields, unit)
		if !strings.HasPrefix(line, "Benchmark") || i < 1 {
			continue
		}
		if value, err := strconv.ParseFloat(fields[i-1], 64); err == nil {
			all = append(all, value)
		}
	}
	return all
}

func (bm benchmark) judge(runs []float64) figure {
	f := figure{name: bm.name}
	switch {
	case bm.most > 0:
		f.bound = fmt.Sprintf("≤ %.0f %s", bm.most, bm.unit)
	case bm.least > 0:
		f.bound = fmt.Sprintf("≥ %s %s", thousands(int64(bm.least)), bm.unit)
	}
	if len(runs) == 0 {
		f.reached, f.verdict = "the benchmark told no "+bm.unit, fail
		return f
	}
	slices.Sort(runs)
	middle := runs[len(runs)/2]
	f.reached = fmt.Sprintf("%s %s, median of %d", significant(middle), bm.unit, len(runs))
	if f.bound != "" {
		f.verdict = within(middle >= bm.least && (bm.most == 0 || middle <= bm.most))
	}
	return f
}

// significant writes a number as exactly as it is known.
func significant(n float64) string {
	if n < 1000 {
		return fmt.Sprintf("%.1f", n)
	}
	return thousands(int64(n))
}
