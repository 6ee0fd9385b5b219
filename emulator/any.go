package emulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// anyOf returns a sent value as it is stored where nothing is known of its shape: a string, an int64, a json.Number, a
// bool, nil, or a map or slice of these. An empty object is an empty slice, as for the service.
func anyOf(n *node) any {
	if n == nil {
		return nil
	}
	switch n.kind {
	case nodeNull:
		return nil
	case nodeBool:
		return n.text != ""
	case nodeText:
		return n.text
	case nodeNumber:
		if i, ok := n.integer(); ok {
			return i
		}
		return json.Number(n.text)
	case nodeArray:
	}
	if n.ordered || len(n.keys) == 0 {
		list := make([]any, 0, len(n.keys))
		for _, m := range n.items() {
			list = append(list, anyOf(m))
		}
		return list
	}
	object := make(map[string]any, len(n.keys))
	for key, m := range n.members {
		object[key] = anyOf(m)
	}
	return object
}

// writeAny writes such a value, a number of another kind too, the keys of objects by name.
func writeAny(w *jsonWriter, value any) {
	switch v := value.(type) {
	case string:
		w.text(v)
	case int:
		w.integer(int64(v))
	case int64:
		w.integer(v)
	case float64:
		w.raw(strconv.FormatFloat(v, 'f', -1, 64))
	case json.Number:
		w.raw(v.String())
	case bool:
		w.boolean(v)
	case []any:
		w.open('[')
		for _, item := range v {
			writeAny(w, item)
		}
		w.close(']')
	case map[string]any:
		w.open('{')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.key(key)
			writeAny(w, v[key])
		}
		w.close('}')
	default:
		w.raw("null")
	}
}
