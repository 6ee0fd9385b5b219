package amo

import (
	"math"
	"math/rand/v2"
	"testing"
)

// chance returns how many of so many expected rows there are, if their times have
// nothing to do with each other.
func chance(random *rand.Rand, expected float64) float64 {
	return max(math.Round(expected+math.Sqrt(expected)*random.NormFloat64()), 0)
}

// share simulates a list of 4,000 pages and returns how much of the room in the
// pages that were asked for is used. Seven windows are on their way before what is
// learnt of one shows.
func share(rowsIn func(expected float64) float64, rate float64) float64 {
	const limit = 250
	size := windowSize{}
	size.seed(200, int64(200/rate))
	type flying struct {
		rows, seconds float64
		full          bool
	}
	var onTheWay []flying
	var rows, requests float64
	for range 4000 {
		seconds := float64(size.next(limit))
		n := rowsIn(rate * seconds)
		requests++
		if n >= limit {
			requests += 2 // its halves
		}
		rows += n
		onTheWay = append(onTheWay, flying{min(n, limit), seconds, n >= limit})
		if len(onTheWay) > 7 {
			size.observe(int(onTheWay[0].rows), int64(onTheWay[0].seconds), onTheWay[0].full)
			onTheWay = onTheWay[1:]
		}
	}
	return rows / requests / limit
}

// Of times of change that have nothing to do with each other no aim uses more than
// 84.4 % of the room; of evenly spread ones nearly all is used.
func TestWindowSize_usesTheRoomThereIs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []float64{0.001, 0.3, 20} {
		byChance := share(func(expected float64) float64 { return chance(random, expected) }, rate)
		evenly := share(math.Round, rate)
		t.Logf("%g rows a second: %.1f%% by chance, %.1f%% evenly", rate, 100*byChance, 100*evenly)
		if byChance < 0.8 || evenly < 0.95 {
			t.Errorf("%g rows a second: %.1f%% of the room by chance, %.1f%% evenly; want 82%% and 95%%", rate, 100*byChance, 100*evenly)
		}
	}
}

// A density that changes by a factor costs some windows, and not for long.
func TestWindowSize_followsTheDensity(t *testing.T) {
	for _, factor := range []float64{100, 0.01} {
		size := windowSize{}
		size.seed(200, 20_000)
		rate := 0.01 * factor
		n := 0
		for ; n < 30; n++ {
			seconds := size.next(250)
			rows := rate * float64(seconds)
			if rows > 180 && rows < 250 {
				break
			}
			size.observe(int(min(rows, 250)), seconds, rows >= 250)
		}
		if n > 15 {
			t.Errorf("%d windows until they fit a density of %g times", n, factor)
		}
	}
}
