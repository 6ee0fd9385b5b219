package main

import (
	"os"
	"runtime/debug"
)

// garbagePercent is how much garbage may gather until it is collected, in percent
// of the memory in use. Lists go through hundreds of megabytes and hold a few: half
// of Go's 100 takes a third off the peak while rows pass, for up to a fifth more
// processor time.
const garbagePercent = 50

// setGarbagePercent leaves the share to GOGC where it is set.
func setGarbagePercent() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
