package main

import "time"

const (
	// rate is what serve sends a second by default, allowed what the emulator takes.
	rate    = 6
	allowed = 7
	// pageV2, pageV4 and maxBatch are the most rows of a page and of a write
	// upstream.
	pageV2, pageV4 = 500, 250
	maxBatch       = 250
)

// slot is the time that one request takes of the account's rate.
const slot = time.Second / rate

// plan says how long everything takes.
type plan struct {
	// latencies are those of upstream.
	latencies []time.Duration
	// listPages is the length of a list in full pages, longerPages how many more it
	// has for each second of latency: it begins with two answers, the account and the
	// first page, before anything can be ahead.
	listPages, longerPages int
	// callers are how many create at a time.
	callers []int
	// warmUp and span are how long creates go on before they count and how long
	// they count, each beside twice the latency.
	warmUp, span time.Duration
	// pairs is how often an idle account is asked, lists how many are begun for
	// their first rows, slowLists how many where upstream takes its time.
	pairs, lists, slowLists int
	// rows pass for the figures of memory and CPU, plainRows for the CPU of a plain
	// copy.
	rows, plainRows int
	// stalledPages is the length of the list beside a stalled one.
	stalledPages int
	// sample is how long peers and plain requests list, and create.
	sample time.Duration
	// benchRuns is how often a benchmark of the tests runs, benchTime how long.
	benchRuns int
	benchTime time.Duration
}

// full is a run that counts. Lists take more than 15 s at the configured rate.
var full = plan{
	latencies: []time.Duration{0, 150 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second},
	listPages: 100, longerPages: 400,
	callers: []int{2000, 64},
	warmUp:  6 * time.Second, span: 12 * time.Second,
	pairs: 40, lists: 15, slowLists: 5,
	rows: 1_000_000, plainRows: 200_000,
	stalledPages: 70,
	sample:       7 * time.Second,
	benchRuns:    3, benchTime: time.Second,
}

// short is a run that shows that everything works.
var short = plan{
	latencies: []time.Duration{0, 500 * time.Millisecond},
	listPages: 20, longerPages: 20,
	callers: []int{500, 16},
	warmUp:  3 * time.Second, span: 4 * time.Second,
	pairs: 8, lists: 3, slowLists: 1,
	rows: 60_000, plainRows: 10_000,
	stalledPages: 20,
	sample:       2 * time.Second,
	benchRuns:    1, benchTime: 200 * time.Millisecond,
}

// pages is the length of a list at a latency of upstream.
func (p plan) pages(latency time.Duration) int {
	return p.listPages + int(latency.Seconds()*float64(p.longerPages))
}
