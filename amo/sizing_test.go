package amo

import (
	"testing"
	"time"
)

func TestTempo_followsWhatRequestsTake(t *testing.T) {
	var p tempo
	if got := p.within(10); got != 0 {
		t.Errorf("nothing was seen, and requests take %s", got)
	}
	for _, took := range []time.Duration{time.Second, 3 * time.Second, 500 * time.Millisecond} {
		for range 100 {
			p.note(10, took)
		}
		for _, items := range []int{1, 10, 200} { // what is nearest counts
			if got := p.within(items); (got - took).Abs() > took/50 {
				t.Errorf("requests of %d items take %s, want about the %s of the last hundred", items, got, took)
			}
		}
	}
	p.note(200, 10*time.Second)
	if few, many := p.within(10), p.within(200); few > time.Second || many != 20*time.Second {
		t.Errorf("requests of 10 items take %s and of 200 %s, want half a second and a first 10s with room", few, many)
	}
}
