package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep a body may nest; the service's own parser stops at 512, real bodies at 7.
const maxDepth = 64

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeText
	nodeArray
)

// node is a value of a request, whether it came as JSON or as a bracketed form. Lists and objects are one ordered
// array with text keys, because the service cannot tell them apart either.
type node struct {
	kind    nodeKind
	text    string // the number's spelling, the text, or "1"/"" of a bool
	keys    []string
	members map[string]*node
	next    int  // the key the form's [] appends at
	ordered bool // it came as a JSON list: generation v4 tells lists from objects
}

func newArray() *node { return &node{kind: nodeArray, members: map[string]*node{}} }

// get returns the member named key, nil when it is absent or null: upstream treats both alike.
func (n *node) get(key string) *node {
	if n == nil || n.kind != nodeArray {
		return nil
	}
	m := n.members[key]
	if m == nil || m.kind == nodeNull {
		return nil
	}
	return m
}

// set adds or replaces a member; a replaced one keeps its place.
func (n *node) set(key string, m *node) {
	if _, ok := n.members[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.members[key] = m
	if i, err := strconv.Atoi(key); err == nil && i >= n.next && strconv.Itoa(i) == key {
		n.next = i + 1
	}
}

// items returns the members in order, whatever their keys.
func (n *node) items() []*node {
	if n == nil || n.kind != nodeArray {
		return nil
	}
	items := make([]*node, 0, len(n.keys))
	for _, k := range n.keys {
		items = append(items, n.members[k])
	}
	return items
}

func (n *node) isArray() bool  { return n != nil && n.kind == nodeArray }
func (n *node) isScalar() bool { return n != nil && n.kind != nodeArray && n.kind != nodeNull }

// str returns the text of a scalar, "" for anything else.
func (n *node) str() string {
	if !n.isScalar() {
		return ""
	}
	return n.text
}

// integer reads a whole number from a JSON number or from text.
func (n *node) integer() (int64, bool) {
	if n == nil || n.kind != nodeNumber && n.kind != nodeText {
		return 0, false
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	return i, err == nil
}

// unknownKey returns the first key that is not among known, "" when there is none.
func (n *node) unknownKey(known ...string) string {
	if n == nil {
		return ""
	}
	for _, k := range n.keys {
		if !slices.Contains(known, k) {
			return k
		}
	}
	return ""
}

var errDepth = errors.New("nested too deep")

// parseJSON reads one JSON value and refuses text after it and invalid UTF-8.
func parseJSON(body []byte) (*node, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	n, err := readNode(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("body is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("body is not JSON: text after the value")
	}
	return n, nil
}

func readNode(dec *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case nil:
		return &node{kind: nodeNull}, nil
	case bool:
		if v {
			return &node{kind: nodeBool, text: "1"}, nil
		}
		return &node{kind: nodeBool}, nil
	case json.Number:
		return &node{kind: nodeNumber, text: v.String()}, nil
	case string:
		return &node{kind: nodeText, text: v}, nil
	case json.Delim:
		return readArray(dec, v, depth)
	}
	return nil, fmt.Errorf("unexpected token %v", tok)
}

func readArray(dec *json.Decoder, open json.Delim, depth int) (*node, error) {
	n := newArray()
	n.ordered = open == '['
	for i := 0; dec.More(); i++ {
		key := strconv.Itoa(i)
		if open == '{' {
			tok, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, ok := tok.(string)
			if !ok {
				return nil, fmt.Errorf("unexpected key %v", tok)
			}
			key = name
		}
		m, err := readNode(dec, depth+1)
		if err != nil {
			return nil, err
		}
		n.set(key, m)
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return nil, err
	}
	return n, nil
}
