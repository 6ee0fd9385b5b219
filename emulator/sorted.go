package emulator

import (
	"slices"
	"sort"
)

// sortedRows are changed and added rows in an order, in chunks, so that to insert or to remove one moves no more than a
// chunk and the list of chunks.
type sortedRows[R any] struct {
	keyOf  func(*R) sortKey
	chunks [][]*R // none is empty
	count  int
}

// sortedChunk is how many rows a chunk has at most.
const sortedChunk = 512

// chunkOf returns the chunk where k is or would be: the last one that does not begin behind it.
func (s *sortedRows[R]) chunkOf(k sortKey) int {
	behind := sort.Search(len(s.chunks), func(i int) bool { return s.keyOf(s.chunks[i][0]).compare(k) > 0 })
	return max(0, behind-1)
}

// find returns where in a chunk k is or would be.
func (s *sortedRows[R]) find(chunk []*R, k sortKey) (at int, found bool) {
	return slices.BinarySearchFunc(chunk, k, func(row *R, k sortKey) int { return s.keyOf(row).compare(k) })
}

func (s *sortedRows[R]) insert(row *R) {
	s.count++
	if len(s.chunks) == 0 {
		s.chunks = [][]*R{{row}}
		return
	}
	k := s.keyOf(row)
	i := s.chunkOf(k)
	at, _ := s.find(s.chunks[i], k)
	chunk := slices.Insert(s.chunks[i], at, row)
	s.chunks[i] = chunk
	if len(chunk) <= sortedChunk {
		return
	}
	half := len(chunk) / 2
	if at == sortedChunk && i == len(s.chunks)-1 { // rows that come in order fill their chunks
		half = sortedChunk
	}
	s.chunks = slices.Insert(s.chunks, i+1, slices.Clone(chunk[half:]))
	clear(chunk[half:])
	s.chunks[i] = chunk[:half]
}

func (s *sortedRows[R]) remove(row *R) {
	if len(s.chunks) == 0 {
		return
	}
	k := s.keyOf(row)
	i := s.chunkOf(k)
	at, found := s.find(s.chunks[i], k)
	if !found {
		return
	}
	s.count--
	if s.chunks[i] = slices.Delete(s.chunks[i], at, at+1); len(s.chunks[i]) == 0 {
		s.chunks = slices.Delete(s.chunks, i, i+1)
	}
}

// below is the number of rows before k.
func (s *sortedRows[R]) below(k sortKey) int {
	if len(s.chunks) == 0 {
		return 0
	}
	i := s.chunkOf(k)
	at, _ := s.find(s.chunks[i], k)
	for _, chunk := range s.chunks[:i] {
		at += len(chunk)
	}
	return at
}

// sortedAt is a place between two rows.
type sortedAt struct{ chunk, at int }

// place is the place before which n rows are.
func (s *sortedRows[R]) place(n int) sortedAt {
	for i, chunk := range s.chunks {
		if n < len(chunk) {
			return sortedAt{i, n}
		}
		n -= len(chunk)
	}
	return sortedAt{chunk: len(s.chunks)}
}

// behind returns the row behind a place, nil at the end.
func (s *sortedRows[R]) behind(p sortedAt) *R {
	if p.chunk >= len(s.chunks) {
		return nil
	}
	return s.chunks[p.chunk][p.at]
}

// after is the place behind the next row.
func (s *sortedRows[R]) after(p sortedAt) sortedAt {
	if p.at+1 < len(s.chunks[p.chunk]) {
		return sortedAt{p.chunk, p.at + 1}
	}
	return sortedAt{chunk: p.chunk + 1}
}
