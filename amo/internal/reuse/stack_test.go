package reuse

import (
	"runtime"
	"sync"
	"testing"
)

type piece struct{ room [1 << 10]byte }

func TestStack_handsOnWhatWasPutLast(t *testing.T) {
	var s Stack[piece]
	if got := s.Get(); got != nil {
		t.Fatal("an empty stack has a piece")
	}
	first, second := new(piece), new(piece)
	s.Put(first)
	s.Put(second)
	for _, want := range []*piece{second, first, nil} {
		if got := s.Get(); got != want {
			t.Errorf("got %p, want %p", got, want)
		}
	}
	runtime.KeepAlive([]*piece{first, second}) // or there would be nothing to hand on
}

func TestStack_leavesWhatNobodyUsesToTheCollector(t *testing.T) {
	var s Stack[piece]
	kept := new(piece)
	s.Put(new(piece))
	s.Put(kept)
	s.Put(new(piece))
	runtime.GC()
	if got := s.Get(); got != kept {
		t.Errorf("got %p, want the piece that somebody holds, %p", got, kept)
	}
	if got := s.Get(); got != nil {
		t.Errorf("got %p that the collector should have", got)
	}
}

func TestStack_givesAPieceToOne(t *testing.T) {
	var s Stack[piece]
	var wg sync.WaitGroup
	for id := range byte(4) {
		wg.Go(func() {
			for range 2_000 {
				p := s.Get()
				if p == nil {
					p = new(piece)
				}
				for i := range p.room {
					p.room[i] = id
				}
				for _, b := range p.room {
					if b != id {
						t.Error("two have the same piece")
						return
					}
				}
				s.Put(p)
			}
		})
	}
	wg.Wait()
}
