package emulator

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rule checks a value that stands at a path of a row and notes what is wrong with it.
type rule func(r *row, path string, n *node)

// key is a key of an object and the rule its value obeys.
type key struct {
	name     string
	required bool
	rule     rule
}

func typeDetail(name string) string { return "This value should be of type " + name + "." }

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// scalarRule makes a rule of a kind and, when check is set, of what it says about the text. Null is no value.
func scalarRule(kind nodeKind, name string, check func(text string) bool) rule {
	return func(r *row, path string, n *node) {
		switch {
		case n.kind == nodeNull:
			r.refuse("NotNullable", path, "This value should not be null.")
		case n.kind != kind || check != nil && !check(n.text):
			r.refuse("InvalidType", path, typeDetail(name))
		}
	}
}

// Rules of scalars. Types are strict: a number in quotes is text.
var (
	isInt    = scalarRule(nodeNumber, "int", isWhole)
	isNumber = scalarRule(nodeNumber, "numeric", nil)
	isText   = scalarRule(nodeText, "string", nil)
	isBool   = scalarRule(nodeBool, "bool", nil)
)

// isWhole reports whether a number of JSON is a whole one that fits.
func isWhole(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

// isTime takes unix seconds of the years 1970 to 9999: larger numbers are milliseconds sent by mistake.
func isTime(r *row, path string, n *node) {
	isInt(r, path, n)
	if i, ok := n.integer(); n.kind == nodeNumber && ok && (i < 0 || i > maxUnix) {
		r.refuse("InvalidType", path, "This value is not a valid timestamp.")
	}
}

// isAmount takes a sum of money or a quantity, whole or not.
func isAmount(r *row, path string, n *node) {
	isNumber(r, path, n)
	if _, ok := n.amount(); n.kind == nodeNumber && !ok {
		r.refuse("InvalidType", path, "This value is not a valid amount.")
	}
}

// isFilled takes text that is not blank.
func isFilled(r *row, path string, n *node) {
	isText(r, path, n)
	if n.kind == nodeText && strings.TrimSpace(n.text) == "" {
		r.refuse("NotBlank", path, "This value should not be blank.")
	}
}

// isAny takes everything.
func isAny(*row, string, *node) {}

// isRequestID takes what is echoed: text or a number.
func isRequestID(r *row, path string, n *node) {
	if !n.isScalar() || n.kind == nodeBool {
		r.refuse("InvalidType", path, typeDetail("string"))
	}
}

// orNull takes null too.
func orNull(other rule) rule {
	return func(r *row, path string, n *node) {
		if n.kind != nodeNull {
			other(r, path, n)
		}
	}
}

// oneOf takes some texts only.
func oneOf(texts ...string) rule {
	return func(r *row, path string, n *node) {
		isText(r, path, n)
		if n.kind == nodeText && !slices.Contains(texts, n.text) {
			r.notAChoice(path)
		}
	}
}

// upTo takes text of at most so many characters.
func upTo(limit int) rule {
	return func(r *row, path string, n *node) {
		isText(r, path, n)
		if n.kind == nodeText && utf8.RuneCountInString(n.text) > limit {
			r.refuse("TooLong", path, "This value is too long. It should have "+strconv.Itoa(limit)+" characters or less.")
		}
	}
}

// isObject takes an object of the keys and no others. An empty list is an empty object on the service's side.
func isObject(keys ...key) rule {
	return func(r *row, path string, n *node) {
		switch {
		case n.kind == nodeNull:
			r.refuse("NotNullable", path, "This value should not be null.")
		case !n.isArray() || n.ordered && len(n.keys) > 0:
			r.refuse("InvalidType", path, typeDetail("array"))
		default:
			checkObject(r, path, n, keys, false)
		}
	}
}

// isList takes a list of values that obey a rule.
func isList(of rule) rule {
	return func(r *row, path string, n *node) {
		switch {
		case n.kind == nodeNull:
			r.refuse("NotNullable", path, "This value should not be null.")
		case !n.isArray() || !n.ordered && len(n.keys) > 0:
			r.refuse("InvalidType", path, typeDetail("array"))
		default:
			for i, m := range n.items() {
				of(r, under(path, strconv.Itoa(i)), m)
			}
		}
	}
}

// notEmpty takes what another rule takes, but no empty list.
func notEmpty(other rule) rule {
	return func(r *row, path string, n *node) {
		other(r, path, n)
		if n.isArray() && len(n.keys) == 0 {
			r.refuse("TooFew", path, "This collection should contain 1 element or more.")
		}
	}
}

func checkObject(r *row, path string, n *node, keys []key, tolerant bool) {
	for _, k := range keys {
		m, sent := n.members[k.name]
		switch {
		case sent:
			k.rule(r, under(path, k.name), m)
		case k.required:
			r.refuse("FieldMissing", under(path, k.name), "This field is missing.")
		}
	}
	if tolerant {
		return
	}
	for _, name := range n.keys {
		if !slices.ContainsFunc(keys, func(k key) bool { return k.name == name }) {
			r.refuse("FieldNotExpected", under(path, name), "This field was not expected.")
		}
	}
}
