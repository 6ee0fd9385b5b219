package emulator

import (
	"mime/multipart"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxFormPairs bounds what one body may carry; the real parser drops what comes after its own limit.
const maxFormPairs = 100_000

// parseForm reads a query string or a urlencoded body with bracketed names, a[b][]=1&a[c][0][d]=2. A name that is
// used twice keeps the last value, [] appends, a pair that is not well-formed percent-encoding is taken literally,
// an unclosed bracket is part of the name.
func parseForm(raw string) *node {
	root := newArray()
	for pairs := 0; raw != "" && pairs < maxFormPairs; pairs++ {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		root.setPath(unescape(name), unescape(value))
	}
	return root
}

// formFromMultipart reads the text parts of a multipart body; file parts are not part of any v2 call.
func formFromMultipart(form *multipart.Form) *node {
	root := newArray()
	names := make([]string, 0, len(form.Value))
	for name := range form.Value {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range form.Value[name] {
			root.setPath(name, value)
		}
	}
	return root
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func (n *node) setPath(name, value string) {
	path := splitName(name)
	if len(path) == 0 || len(path) > maxDepth {
		return
	}
	at := n
	for _, key := range path[:len(path)-1] {
		if key == "" {
			key = strconv.Itoa(at.next)
		}
		child := at.members[key]
		if !child.isArray() {
			child = newArray()
			at.set(key, child)
		}
		at = child
	}
	last := path[len(path)-1]
	if last == "" {
		last = strconv.Itoa(at.next)
	}
	at.set(last, &node{kind: nodeText, text: value})
}

// splitName cuts a[b][] into a, b and "". The first part is never empty; nil means the name is unusable.
func splitName(name string) []string {
	open := strings.IndexByte(name, '[')
	if name == "" || open == 0 {
		return nil
	}
	if open < 0 || strings.IndexByte(name[open:], ']') < 0 {
		return []string{name}
	}
	path := []string{name[:open]}
	for rest := name[open:]; strings.HasPrefix(rest, "["); {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			break
		}
		path = append(path, rest[1:end])
		rest = rest[end+1:]
	}
	return path
}
