package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTable_comparesWithLimitAndPeers(t *testing.T) {
	var out bytes.Buffer
	r := &report{out: &out, begun: time.Now()}
	r.add(peerFigures("amocrm-js", time.Second, peerReached{RowsPerSecond: 250, CreatesPerSecond: 5})[0])
	r.add(figure{name: "ours", bound: "≥ 97 %", reached: "1500 rows/s", verdict: pass, speed: &speed{listing, time.Second, 1500, 1750}})
	r.add(figure{name: "at another latency", reached: "1500 rows/s", speed: &speed{listing, 0, 1500, 1750}})
	r.add(figure{name: "no throughput", reached: "1 ms", verdict: fail})
	want := `
| Figure                   | Bound  | Reached     | Of the limit | × amocrm-js | × @shevernitskiy/amo | Verdict |
|--------------------------|--------|-------------|--------------|-------------|----------------------|---------|
| amocrm-js lists, v4, 1 s |        | 250 rows/s  | 14.3 %       | –           | –                    |         |
| ours                     | ≥ 97 % | 1500 rows/s | 85.7 %       | 6.0         | –                    | PASS    |
| at another latency       |        | 1500 rows/s | 85.7 %       | –           | –                    |         |
| no throughput            |        | 1 ms        | –            | –           | –                    | FAIL    |
`
	if got := "\n" + r.table(); got != want {
		t.Errorf("table\n%s\nwant\n%s", got, want)
	}
	if !r.failed() {
		t.Error("a figure is out of its bound, and the run passed")
	}
	if !strings.Contains(out.String(), "PASS ours: 1500 rows/s") {
		t.Errorf("printed as they came:\n%s", &out)
	}
}

func TestFailed_isNotFigureWithoutBound(t *testing.T) {
	r := &report{out: &bytes.Buffer{}}
	r.add(figure{name: "free"})
	r.add(figure{name: "good", verdict: pass})
	if r.failed() {
		t.Error("the run failed")
	}
}

func TestResults_sayWhenAndOnWhat(t *testing.T) {
	text := results("2 cores", time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC), 600*time.Second, "| table |\n")
	for _, want := range []string{"2026-03-04, 600 s, 2 cores.", "| table |", "How to read it"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestAt(t *testing.T) {
	for latency, want := range map[time.Duration]string{0: "0 ms", 150 * time.Millisecond: "150 ms", 2 * time.Second: "2 s"} {
		if got := at(latency); got != want {
			t.Errorf("at(%v) = %q, want %q", latency, got, want)
		}
	}
}
