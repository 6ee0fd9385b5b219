package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// verdict says whether a figure is within its bound; empty = it has none.
type verdict string

const (
	pass verdict = "PASS"
	fail verdict = "FAIL"
)

// within is the verdict on something that has to be true.
func within(ok bool) verdict {
	if ok {
		return pass
	}
	return fail
}

// work is what is done so many times a second.
type work string

const (
	listing  work = "list"
	creating work = "create"
)

// speed is a throughput, in rows or creates a second.
type speed struct {
	work    work
	latency time.Duration
	reached float64
	// limit is what one account allows, however it is asked.
	limit float64
}

// figure is a row of the table.
type figure struct {
	name string
	// bound is what has to hold; empty = nothing.
	bound   string
	reached string
	// speed makes the figure comparable; nil = it is none.
	speed   *speed
	verdict verdict
	// peer is whose figure it is; empty = ours, or nobody's.
	peer string
}

// report collects figures and prints them as they come.
type report struct {
	out   io.Writer
	begun time.Time
	part  string
	all   []figure
}

// begin begins a part.
func (r *report) begin(part string) {
	r.part = part
	_, _ = fmt.Fprintf(r.out, "%5.0f s  %s\n", time.Since(r.begun).Seconds(), part)
}

// add adds a figure.
func (r *report) add(f figure) {
	r.all = append(r.all, f)
	_, _ = fmt.Fprintf(r.out, "%5.0f s    %-4s %s: %s\n", time.Since(r.begun).Seconds(), f.verdict, f.name, f.reached)
}

// failed says whether a figure is out of its bound.
func (r *report) failed() bool {
	for _, f := range r.all {
		if f.verdict == fail {
			return true
		}
	}
	return false
}

// peerSpeed is what a peer reached in the same work at the same latency; 0 =
// nobody knows.
func (r *report) peerSpeed(peer string, s speed) float64 {
	for _, f := range r.all {
		if f.peer == peer && f.speed != nil && f.speed.work == s.work && f.speed.latency == s.latency {
			return f.speed.reached
		}
	}
	return 0
}

// table returns all figures as a table that is readable as text and as Markdown.
func (r *report) table() string {
	const unknown = "–"
	header := []string{"Figure", "Bound", "Reached", "Of the limit"}
	for _, peer := range peerNames {
		header = append(header, "× "+peer)
	}
	rows := [][]string{append(header, "Verdict")}
	for _, f := range r.all {
		row := []string{f.name, f.bound, f.reached, unknown}
		if f.speed != nil && f.speed.limit > 0 {
			row[3] = percent(f.speed.reached / f.speed.limit)
		}
		for _, peer := range peerNames {
			times := unknown
			if f.speed != nil && f.peer == "" {
				if theirs := r.peerSpeed(peer, *f.speed); theirs > 0 {
					times = fmt.Sprintf("%.1f", f.speed.reached/theirs)
				}
			}
			row = append(row, times)
		}
		rows = append(rows, append(row, string(f.verdict)))
	}
	return align(rows)
}

// align writes rows, the first of which is the header, in columns.
func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			text.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + " ")
		}
		text.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				text.WriteString("|" + strings.Repeat("-", width+2))
			}
			text.WriteString("|\n")
		}
	}
	return text.String()
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// at names a latency.
func at(latency time.Duration) string {
	if latency < time.Second {
		return fmt.Sprintf("%d ms", latency.Milliseconds())
	}
	return fmt.Sprintf("%g s", latency.Seconds())
}

// thousands writes a number with a comma before every three digits.
func thousands[N int | int64](n N) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
