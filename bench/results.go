package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// howRead explains the table.
const howRead = `
How to read it:

- "Of the limit" is the share of what amoCRM allows one account, however it is asked: 7 requests a second of 250 rows (API v4),
  500 rows (v2), 250 creates. serve sends 6 a second by default, which is 85.7 % of that; bounds are shares of these 6.
- The columns with × say how many times as much a call of amogate reaches as that client at the same latency. The clients read one page
  after the other and create one record with each request; they are given their requests as fast as the limit lets them.
- Lists: rows are counted from the first to the last that the caller gets, less the first page; requests are counted by the
  emulator, from the first to the last. The bound is for the smaller of both shares.
- Creates: every caller calls again when it is answered. The bound takes it that each waits for upstream and for one slot, which is
  callers ÷ (latency + one slot), at 2 s for 2,000 callers 923/s and not 6 × 250; where answers come right before a slot, as at 150 ms,
  they wait for less, and get more. What a caller gets a second, from its first counted answer to its last, is added up.
  Every answer is checked, and what upstream stored is as much as was answered.
- First rows: from the moment at which the last byte of the first page passes to the reader of the first row.
- Memory: the growth of serve from the start of the list to its peak. CPU is that of serve, program and kernel; that of plain net/http
  reads the same pages with one process less behind it, and throws them away.
`

// results is the text of results.md.
func results(machine string, begun time.Time, took time.Duration, table string) string {
	return fmt.Sprintf("# Results of make bench\n\nWritten by the last whole run: %s, %.0f s, %s.\n\n%s%s",
		begun.UTC().Format(time.DateOnly), took.Seconds(), machine, table, howRead)
}

// machine says what was measured on. It does not name it.
func machine(ctx context.Context) string {
	text := fmt.Sprintf("%d cores (%s), %s %s/%s", runtime.NumCPU(), processor(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if node, err := exec.CommandContext(ctx, "node", "--version").Output(); err == nil {
		text += ", Node " + strings.TrimSpace(string(node))
	}
	return text
}

// processor is what the system tells of it.
func processor() string {
	const unknown = "processor unknown"
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	defer file.Close() //nolint:errcheck // nothing was written
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}
