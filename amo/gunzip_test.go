package amo

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// pack returns contents as one gzip file of several parts.
func pack(t *testing.T, contents ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	for _, content := range contents {
		w := gzip.NewWriter(&packed)
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return packed.Bytes()
}

func TestGunzip(t *testing.T) {
	const limit = largestReused + 3*chunkBytes
	pattern := strings.Repeat("0123456789abcdef!", limit/17+1)
	cut := pack(t, pattern[:chunkBytes])
	liar := bytes.Clone(cut)
	binary.LittleEndian.PutUint32(liar[len(liar)-4:], math.MaxUint32)
	for name, test := range map[string]struct {
		packed   []byte
		want     string
		tooLarge bool
		err      error
	}{
		"a byte":                    {packed: pack(t, "!"), want: "!"},
		"nothing":                   {packed: pack(t, "")},
		"a piece":                   {packed: pack(t, pattern[:chunkBytes]), want: pattern[:chunkBytes]},
		"many pieces":               {packed: pack(t, pattern[:3*chunkBytes]), want: pattern[:3*chunkBytes]},
		"a byte too many":           {packed: pack(t, pattern[:limit+1]), tooLarge: true},
		"two parts, the last small": {packed: pack(t, pattern[:limit-1], "!"), want: pattern[:limit-1] + "!"},
		"more than is used again":   {packed: pack(t, pattern[:limit]), want: pattern[:limit]},
		"two parts, too large":      {packed: pack(t, pattern[:limit], "!"), tooLarge: true},
		"cut":                       {packed: cut[:len(cut)-1], err: io.ErrUnexpectedEOF},
		"a size that is a lie":      {packed: liar, err: gzip.ErrChecksum},
		"too short":                 {packed: []byte{0x1f}, err: io.ErrUnexpectedEOF},
		"no gzip":                   {packed: bytes.Repeat([]byte("!"), 100), err: gzip.ErrHeader},
	} {
		t.Run(name, func(t *testing.T) {
			body, tooLarge, err := gunzip(test.packed, limit)
			if tooLarge != test.tooLarge || !errors.Is(err, test.err) {
				t.Errorf("too large %t, error %v; want %t, %v", tooLarge, err, test.tooLarge, test.err)
			}
			if string(body) != test.want || (test.want == "") != (body == nil) {
				t.Errorf("%d bytes, want %d", len(body), len(test.want))
			}
		})
	}
}

// An answer of a few bytes does not get the room that it says it needs.
func TestToldSize_isNoMoreThanThereCouldBe(t *testing.T) {
	liar := append(make([]byte, 96), 0xff, 0xff, 0xff, 0xff)
	if told, ok := toldSize(liar); ok {
		t.Errorf("%d bytes in 100 that are packed are believed", told)
	}
	zeros := pack(t, strings.Repeat("\x00", maxBody))
	if told, ok := toldSize(zeros); !ok || told != maxBody {
		t.Errorf("%d bytes in %d that are packed, %v; want %d", told, len(zeros), ok, maxBody)
	}
}
