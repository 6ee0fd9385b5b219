package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetrics_readsWhatBenchmarksPrint(t *testing.T) {
	const printed = `goos: linux
cpu: AMD EPYC 20 cpu-µs/row
BenchmarkDecode-2   	      60	  8419996 ns/op	  17.13 MB/s	        16.15 cpu-µs/row	 1651172 B/op	   30961 allocs/op
BenchmarkDecode-2   	      60	  8419996 ns/op	  17.13 MB/s	        14.5 cpu-µs/row
PASS
`
	if diff := cmp.Diff([]float64{16.15, 14.5}, metrics(printed, "cpu-µs/row")); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if got := metrics(printed, "rows/s"); got != nil {
		t.Errorf("metrics of another unit: %v", got)
	}
}

func TestBenchmark_isJudgedByItsMedian(t *testing.T) {
	most := benchmark{unit: "cpu-µs/row", most: 20}
	least := benchmark{unit: "rows/s", least: 100_000}
	for _, c := range []struct {
		benchmark benchmark
		runs      []float64
		want      verdict
		says      string
	}{
		{most, []float64{90, 19, 18}, pass, "19.0 cpu-µs/row, median of 3"},
		{most, []float64{21, 22, 1}, fail, "21.0"},
		{least, []float64{99_999}, fail, "99,999 rows/s"},
		{least, []float64{100_000}, pass, "100,000 rows/s"},
		{least, nil, fail, "told no rows/s"},
		{benchmark{unit: "rows/s"}, []float64{17_000}, "", "17,000 rows/s"},
	} {
		if f := c.benchmark.judge(c.runs); f.verdict != c.want || !strings.Contains(f.reached, c.says) {
			t.Errorf("%v: %s %q, want %s %q", c.runs, f.verdict, f.reached, c.want, c.says)
		}
	}
}
