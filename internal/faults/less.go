package main

import "github.com/amogate/amogate/internal/race"

// unlessWatched is how much a row does: all, or less under the race detector, which
// makes rows ten times slower. The program itself does all.
func unlessWatched[T any](all, less T) T {
	if race.Enabled {
		return less
	}
	return all
}
