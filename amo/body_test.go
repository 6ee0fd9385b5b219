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
	"testing/iotest"
)

func TestReadBody(t *testing.T) {
	pattern := strings.Repeat("0123456789abcdef!", 3*chunkBytes/17+1)
	for _, size := range []int{0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes, 3 * chunkBytes} {
		for name, r := range map[string]io.Reader{
			"whole":        strings.NewReader(pattern[:size]),
			"in halves":    iotest.HalfReader(strings.NewReader(pattern[:size])),
			"with its end": iotest.DataErrReader(strings.NewReader(pattern[:size])),
		} {
			body, tooLarge, err := readBody(r, 3*chunkBytes)
			if err != nil || tooLarge {
				t.Fatalf("%d bytes %s: too large %t, error %v", size, name, tooLarge, err)
			}
			if string(body) != pattern[:size] || (size == 0) != (body == nil) {
				t.Errorf("%d bytes %s: got %d others", size, name, len(body))
			}
		}
	}
}

func TestReadBody_stopsBehindTheLimit(t *testing.T) {
	endless := iotest.DataErrReader(io.MultiReader(bytes.NewReader(make([]byte, 100)), neverEnding{}))
	body, tooLarge, err := readBody(endless, 100)
	if body != nil || !tooLarge || err != nil {
		t.Errorf("got %d bytes, too large %t, error %v", len(body), tooLarge, err)
	}
	if body, tooLarge, err = readBody(iotest.DataErrReader(bytes.NewReader(make([]byte, 101))), 100); body != nil || !tooLarge || err != nil {
		t.Errorf("a byte too many: got %d bytes, too large %t, error %v", len(body), tooLarge, err)
	}
	if body, tooLarge, err = readBody(bytes.NewReader(make([]byte, 100)), 100); len(body) != 100 || tooLarge || err != nil {
		t.Errorf("as many as may be: got %d bytes, too large %t, error %v", len(body), tooLarge, err)
	}
}

func TestReadBody_tellsWhatBroke(t *testing.T) {
	broken := errors.New("reset")
	if body, _, err := readBody(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), maxBody); !errors.Is(err, broken) || body != nil {
		t.Errorf("got %q and error %v", body, err)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

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
	const limit = 3 * chunkBytes
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
		"many pieces":               {packed: pack(t, pattern[:limit]), want: pattern[:limit]},
		"a byte too many":           {packed: pack(t, pattern[:limit+1]), tooLarge: true},
		"two parts, the last small": {packed: pack(t, pattern[:limit-1], "!"), want: pattern[:limit-1] + "!"},
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
	if told := toldSize(liar); told != 103_200 {
		t.Errorf("%d bytes in 100 that are packed, want 103,200", told)
	}
	zeros := pack(t, strings.Repeat("\x00", maxBody))
	if told := toldSize(zeros); told != maxBody {
		t.Errorf("%d bytes in %d that are packed, want %d", told, len(zeros), maxBody)
	}
}
