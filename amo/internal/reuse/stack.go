// Package reuse hands large pieces of memory on to the next who needs one.
package reuse

import (
	"slices"
	"sync"
	"weak"
)

// Stack holds pieces that nobody uses until somebody does, or the garbage collector
// comes by. A sync.Pool keeps one for each processor, and those over the next
// collection: of pieces as large as a page that is most of the memory there is. The
// zero Stack is empty. It is safe for concurrent use.
type Stack[T any] struct {
	mu     sync.Mutex
	unused []weak.Pointer[T]
}

// Get returns the piece that was put last; nil = there is none.
func (s *Stack[T]) Get() *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	for last, unused := range slices.Backward(s.unused) {
		s.unused = s.unused[:last]
		if piece := unused.Value(); piece != nil {
			return piece
		}
	}
	return nil
}

// Put gives up a piece.
func (s *Stack[T]) Put(piece *T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unused = append(s.unused, weak.Make(piece))
}
