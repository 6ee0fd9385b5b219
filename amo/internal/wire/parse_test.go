package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzParse holds the parser against the decoder whose place it takes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `null`, `nul`, `nullx`, `true`, `false`, `0`, `01`, `-`, `-0`, `-01`, `1.`, `1.5`, `.5`, `1e5`, `1E+05`, `1e`, `+1`, `1e-`,
		`""`, `"`, `"\"`, `"\\"`, `"\u00"`, `"\u00zz"`, `"\u00Ff"`, `"\ud800"`, `"\x"`, `"\/\b\f\n\r\t"`, "\"\xff\"", "\"\x1f\"", "\"\x7f\"", "\"\x00\"",
		`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2`, `{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{"a" : [ ] , "a":{}}`, `{"a"}`, `{a:1}`, `{1:1}`,
		`{"a":}`, `{"a":1 "b":2}`, `[}`, `{]`, `1 1`, `[] `, " \t\r\n[]\t", "\x00", "[]\x00", "\ufeff[]", "[\v]", "[\u00a0]",
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
		strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, got := parse(data)
		if want := isRead(data); got != want {
			t.Errorf("%q: got %v, the decoder says %v", data, got, want)
		}
		if got {
			doc.Release()
		}
	})
}

// isRead says whether a decoder takes data for one document that is not too deep.
func isRead(data []byte) bool {
	if tooDeep(data) {
		return false
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(bytes.Clone(data)), options)
	if _, err := dec.ReadValue(); err != nil {
		return false
	}
	_, err := dec.ReadToken()
	return errors.Is(err, io.EOF)
}

// FuzzStringLength holds the length of a string against a plain count.
func FuzzStringLength(f *testing.F) {
	for _, seed := range []string{`"`, `""`, `"a"b`, `"\""`, `"\\"`, `"\\\""`, `"\\\\"x"`, `"\`, `"\"`, `"abc`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || data[0] != '"' {
			return
		}
		want := len(data)
		for i := 1; i < len(data); i++ {
			if data[i] == '\\' {
				i++
			} else if data[i] == '"' {
				want = i + 1
				break
			}
		}
		if got := stringLength(data); got != want {
			t.Errorf("%q: got %d, want %d", data, got, want)
		}
	})
}
