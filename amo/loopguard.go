package amo

import (
	"encoding/binary"
	"hash/fnv"

	"google.golang.org/protobuf/proto"
)

// loopGuard holds the pages of a list, to recognize one that comes again.
type loopGuard map[uint64]struct{}

// seenBefore says whether a page with the same records, unchanged, came before, in
// whatever order.
func seenBefore[T proto.Message](guard loopGuard, rows []pageRow[T]) bool {
	if len(rows) == 0 {
		return false
	}
	sum := sumOf(rows)
	_, seen := guard[sum]
	guard[sum] = struct{}{}
	return seen
}

// sumOf is a number that tells records and their versions apart, in whatever order
// they come; that of several pages is the sum of theirs.
func sumOf[T proto.Message](rows []pageRow[T]) (sum uint64) {
	var buf [2 * binary.MaxVarintLen64]byte
	for _, row := range rows {
		hash := fnv.New64a()
		b := binary.AppendVarint(buf[:0], row.id)
		_, _ = hash.Write(binary.AppendVarint(b, row.changed)) // never fails
		sum += hash.Sum64()
	}
	return sum
}
