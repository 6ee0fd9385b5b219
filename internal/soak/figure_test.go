package main

import (
	"math"
	"testing"
	"time"
)

func TestQuantile_isTheNearestRank(t *testing.T) {
	t.Parallel()
	all := make([]time.Duration, 0, 100)
	for n := range 100 {
		all = append(all, time.Duration(100-n))
	}
	for _, test := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{{all, 0.5, 50}, {all, 0.99, 99}, {all, 1, 100}, {all[:1], 0.5, 100}, {all[:3], 0.99, 100}, {nil, 0.5, 0}} {
		if got := quantile(test.of, test.q); got != test.want {
			t.Errorf("quantile %v of %d = %d, want %d", test.q, len(test.of), got, test.want)
		}
	}
}

func TestJain_knowsEqualShares(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		shares []int
		want   float64
	}{{[]int{5, 5, 5, 5}, 1}, {[]int{20, 0, 0, 0}, 0.25}, {[]int{1, 3}, 0.8}, {[]int{0, 0}, 0}} {
		if got := jain(test.shares); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("jain of %v = %v, want %v", test.shares, got, test.want)
		}
	}
}
