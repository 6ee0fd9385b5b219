package wire

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzUnquote holds unquote against the function of the library whose place it
// takes.
func FuzzUnquote(f *testing.F) {
	for _, seed := range []string{
		`""`, `"a"`, `"\u0418\u0440\u0430"`, `"\/\"\\"`, `"\b\f\n\r\t"`, `"a\u0000b"`, `"\u00e9\u20AC\uffff"`,
		`"\ud83d\ude00"`, `"\ud800"`, `"\udc00\ud800"`, `"Ира \/ "`, "\"\xff\"", "\"\xff\\/\"", `"\u0418` + "\xff\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		document, err := Read(data)
		if err != nil {
			return
		}
		c := document.Cursor()
		value := c.Value()
		if value.Kind() != jsontext.KindString {
			return
		}
		want, _ := jsontext.AppendUnquote(nil, value)
		for _, room := range []int{0, 3, 1000} {
			if got := unquote(make([]byte, 0, room), value); !bytes.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", value, got, want)
			}
		}
	})
}
