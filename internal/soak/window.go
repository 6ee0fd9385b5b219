package main

import (
	"fmt"
	"time"

	"github.com/amogate/amogate/emulator"
)

const (
	// windowLimit is how many requests upstream allows in any second.
	windowLimit = 7
	// rate is what serve sends a second by default.
	rate = 6
)

// reportWindows prints what the emulator counted of its limit.
func reportWindows(out *report, what string, s emulator.Stats) {
	out.figure(what+", windows", s.WindowsOver(windowLimit) == 0, fmt.Sprintf("0 of more than %d", windowLimit),
		fmt.Sprintf("%d, the fullest second held %d", s.WindowsOver(windowLimit), s.FullestWindow))
	out.figure(what+", bans", s.TooMany+s.Bans == 0, fmt.Sprintf("0, banned after %d answers 429", banAfter), fmt.Sprintf("%d bans, %d answers 429", s.Bans, s.TooMany))
}

// share is how much of the configured rate so many requests are.
func share(requests int64, took time.Duration) float64 {
	return float64(requests) / (rate * took.Seconds())
}

// reportUsed prints it against a bound.
func reportUsed(out *report, name string, requests int64, took time.Duration, least float64) {
	out.figure(name, share(requests, took) >= least, fmt.Sprintf(">= %.0f %% of %d/s", 100*least, rate),
		fmt.Sprintf("%.1f %%, %d requests in %.1f s", 100*share(requests, took), requests, took.Seconds()))
}
