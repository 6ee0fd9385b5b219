package amo

import (
	"encoding/binary"
	"hash/fnv"

	"google.golang.org/protobuf/proto"
)

// loopGuard holds the pages of a list, to recognize one that comes again.
type loopGuard map[uint64]struct{}

// seenBefore says whether a page with the same records, unchanged, came before.
func seenBefore[T proto.Message](guard loopGuard, rows []T) bool {
	if len(rows) == 0 {
		return false
	}
	hash := fnv.New64a()
	var buf []byte
	for _, row := range rows {
		buf = binary.AppendVarint(buf[:0], recordID(row))
		buf = binary.AppendVarint(buf, recordUpdateTime(row))
		_, _ = hash.Write(buf) // never fails
	}
	_, seen := guard[hash.Sum64()]
	guard[hash.Sum64()] = struct{}{}
	return seen
}
