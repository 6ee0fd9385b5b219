package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mapTexts returns a copy of a JSON tree with every text changed.
func mapTexts(tree any, change func(string) string) any {
	switch tree := tree.(type) {
	case string:
		return change(tree)
	case []any:
		list := make([]any, len(tree))
		for i, v := range tree {
			list[i] = mapTexts(v, change)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(tree))
		for k, v := range tree {
			object[k] = mapTexts(v, change)
		}
		return object
	}
	return tree
}

// differences tells where got does not have what want names. Scalars are
// compared by their texts: 64-bit numbers are texts in JSON.
func differences(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, want an object", at, got)}
		}
		var found []string
		for _, k := range slices.Sorted(maps.Keys(want)) {
			v, present := object[k]
			switch {
			case want[k] == nil && present:
				found = append(found, fmt.Sprintf("%s.%s is %v, want it absent", at, k, v))
			case want[k] == nil:
			case !present:
				found = append(found, fmt.Sprintf("%s.%s is absent, want %v", at, k, want[k]))
			default:
				found = append(found, differences(at+"."+k, want[k], v)...)
			}
		}
		return found
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return []string{fmt.Sprintf("%s is %v, want %d elements: %v", at, got, len(want), want)}
		}
		var found []string
		for i, v := range want {
			found = append(found, differences(fmt.Sprintf("%s[%d]", at, i), v, list[i])...)
		}
		return found
	}
	if text(want) != text(got) {
		return []string{fmt.Sprintf("%s is %v, want %v", at, got, want)}
	}
	return nil
}

// text spells a scalar as a query parameter or a path does.
func text(scalar any) string {
	if f, ok := scalar.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(scalar)
}

// pick returns the scalar at a path of names and indices; -1 is the last
// element.
func pick(t *testing.T, tree any, at string) string {
	t.Helper()
	for name := range strings.SplitSeq(at, ".") {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[name]
		case []any:
			i, err := strconv.Atoi(name)
			if i < 0 {
				i += len(node)
			}
			if err != nil || i < 0 || i >= len(node) {
				t.Fatalf("no element %q of %d", name, len(node))
			}
			tree = node[i]
		}
	}
	if tree == nil {
		t.Fatalf("nothing is at %q", at)
	}
	return text(tree)
}
