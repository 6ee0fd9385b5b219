// Package race tells tests whether the race detector watches them. It makes them
// several times slower; what shows a rate with thousands of callers does so without
// it, and fewer are enough to show a race.
package race
