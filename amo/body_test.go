package amo

import (
	"bytes"
	"errors"
	"io"
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
