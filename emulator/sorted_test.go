package emulator

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSortedRows_agreeWithASlice inserts and removes so many rows that chunks split and vanish.
func TestSortedRows_agreeWithASlice(t *testing.T) {
	keyOf := func(row *int64) sortKey { return sortKey{id: *row} }
	const n = 5 * sortedChunk
	for name, order := range map[string]func(i int) int64{
		"ascending":  func(i int) int64 { return int64(i) },
		"descending": func(i int) int64 { return int64(-i) },
		"mixed":      func(i int) int64 { return int64(i) * 7919 % n },
	} {
		random := rand.New(rand.NewPCG(1, 2))
		s := sortedRows[int64]{keyOf: keyOf}
		var model []int64
		check := func() {
			t.Helper()
			var got []int64
			for at := s.place(0); s.behind(at) != nil; at = s.after(at) {
				got = append(got, *s.behind(at))
			}
			slices.Sort(model)
			if diff := cmp.Diff(model, got); diff != "" || s.count != len(model) {
				t.Fatalf("%s: %d rows (-want +got):\n%s", name, s.count, diff)
			}
			for range 200 {
				offset := random.IntN(len(model) + 1)
				if row := s.behind(s.place(offset)); (row == nil) != (offset == len(model)) || row != nil && *row != model[offset] {
					t.Fatalf("%s: row %d of %d", name, offset, len(model))
				}
				k := random.Int64N(3*n) - n
				want, _ := slices.BinarySearch(model, k)
				if got := s.below(sortKey{id: k}); got != want {
					t.Fatalf("%s: %d rows below %d, want %d", name, got, k, want)
				}
			}
			for _, chunk := range s.chunks {
				if len(chunk) == 0 || len(chunk) > sortedChunk {
					t.Fatalf("%s: a chunk of %d", name, len(chunk))
				}
			}
		}
		for i := range n {
			k := order(i)
			s.insert(&k)
			model = append(model, k)
		}
		check()
		for len(model) > 0 {
			for range min(len(model), 700) {
				at := random.IntN(len(model))
				k := model[at]
				s.remove(&k)
				s.remove(&k) // which is not there
				model = slices.Delete(model, at, at+1)
			}
			if len(model) > 0 {
				check()
			}
		}
		if s.count != 0 || len(s.chunks) != 0 {
			t.Errorf("%s: %d rows, %d chunks are left", name, s.count, len(s.chunks))
		}
	}
}

func TestHiddenRows_countsThoseBelow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 64, 65, 5000} {
		var h hiddenRows
		model := make([]bool, n)
		for range 3 {
			for range n / 3 {
				j := random.IntN(n)
				h.hide(j, n)
				model[j] = true
			}
			count := 0
			for j := range n {
				if h.below(j) != count || h.has(j) != model[j] {
					t.Fatalf("row %d of %d: %d below, want %d", j, n, h.below(j), count)
				}
				if model[j] {
					count++
				}
			}
			if h.below(n) != count || h.count != count {
				t.Fatalf("%d and %d of %d, want %d", h.below(n), h.count, n, count)
			}
		}
	}
}
