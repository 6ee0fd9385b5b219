package custody

import (
	"bytes"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func FuzzDecodeEntry(f *testing.F) {
	e := entry{Account: "shop", From: 3, Epoch: 7, Replaced: "00ff", LeasedAt: time.Unix(1700000000, 0).UTC(), Life: time.Hour, KeyID: "k1", Data: []byte("sealed")}
	line, err := encodeEntry(e)
	if err != nil {
		f.Fatal(err)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	if got, ok := decodeEntry(line); !ok || !cmp.Equal(got, e) {
		f.Fatalf("decoded %+v, want %+v", got, e)
	}
	f.Add(line)
	f.Add(line[:20])
	f.Add([]byte("00000000 "))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, ok := decodeEntry(text)
		if !ok {
			return
		}
		again, err := encodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := decodeEntry(bytes.TrimSuffix(again, []byte("\n"))); !ok || !cmp.Equal(got, e) {
			t.Errorf("%+v became %+v", e, got)
		}
	})
}

func TestJournal_takesOverNothingThatHasGone(t *testing.T) {
	j, err := OpenJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	// A neighbour that ends removes its journal after its name was read.
	if err := j.takeOverFile(filepath.Join(j.dir, journalPrefix+"gone")); err != nil {
		t.Errorf("takeOverFile = %v, want nothing to take over", err)
	}
}

func TestJournal_doesNotWaitForAPausedNeighbour(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	neighbour := &Journal{dir: dir}
	unlock, err := neighbour.lockDir(syscall.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := j.takeOverLater(); err != nil {
		t.Errorf("takeOverLater = %v, want that it is left for later", err)
	}
}
