package wire

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseName is Parse for texts that come again with every row, as the names of
// custom fields do: it neither undoes their escapes nor makes the string again.
func (t *Text) ParseName(value jsontext.Value) error {
	if len(value) > maxName || value.Kind() != jsontext.KindString {
		return t.Parse(value)
	}
	place := &names[maphash.Bytes(nameSeed, value)%uint64(len(names))]
	if known := place.Load(); known != nil && known.raw == string(value) {
		*t = Text{Value: known.text, Set: true}
		return nil
	}
	if err := t.Parse(value); err != nil {
		return err
	}
	place.Store(&name{raw: string(value), text: t.Value})
	return nil
}

// maxName is the most bytes of a name that is remembered.
const maxName = 256

// name is a text and how upstream writes it.
type name struct{ raw, text string }

// names are those that were read last, each at the place of its hash: at most two
// thousand, whatever upstream sends.
var (
	names    [2048]atomic.Pointer[name]
	nameSeed = maphash.MakeSeed()
)
