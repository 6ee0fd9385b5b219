package emulator

import "math/bits"

// hiddenRows are seeded rows that were changed or deleted: a bit for each row, and a tree of sums over blocks of bits, so
// that hiding one and counting those below another cost the logarithm of the rows. Without a hidden row it takes no
// memory.
type hiddenRows struct {
	bits  []uint64
	sums  []int32 // a Fenwick tree: sums[i] is of the i&-i blocks that end with block i, counted from 1
	count int
}

// hiddenBlock is how many words of bits one sum counts.
const hiddenBlock = 8

// hide adds row j of n.
func (h *hiddenRows) hide(j, n int) {
	if h.bits == nil {
		h.bits = make([]uint64, n/64+1)
		h.sums = make([]int32, len(h.bits)/hiddenBlock+2)
	}
	if h.has(j) {
		return
	}
	h.bits[j/64] |= 1 << (j % 64)
	h.count++
	for block := j/64/hiddenBlock + 1; block < len(h.sums); block += block & -block {
		h.sums[block]++
	}
}

func (h *hiddenRows) has(j int) bool { return h.bits != nil && h.bits[j/64]&(1<<(j%64)) != 0 }

// below is how many hidden rows there are before row j.
func (h *hiddenRows) below(j int) int {
	if h.bits == nil {
		return 0
	}
	word := j / 64
	n := 0
	for block := word / hiddenBlock; block > 0; block -= block & -block {
		n += int(h.sums[block])
	}
	for _, w := range h.bits[word/hiddenBlock*hiddenBlock : word] {
		n += bits.OnesCount64(w)
	}
	return n + bits.OnesCount64(h.bits[word]&(1<<(j%64)-1))
}
