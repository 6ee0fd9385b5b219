package custody

import (
	"bytes"
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
