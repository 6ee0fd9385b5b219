package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// itemError is an item refused inside a call that succeeded.
type itemError struct {
	position  int   // in its list
	id        int64 // of an update
	requestID *node
	code      int
	text      string
}

// writtenItem is an item of the answer.
type writtenItem struct {
	id        int64
	requestID *node
	updatedAt int64 // of an update, else 0
}

// checkLists checks that a body is an object of the named lists, with neither nothing nor too much in them.
func (c *call) checkLists(body *node, names ...string) error {
	if !body.isArray() {
		return badRequest("the body must be an object")
	}
	if err := c.checkKeys(body, "the body", names...); err != nil {
		return err
	}
	total := 0
	for _, name := range names {
		list := body.get(name)
		if list != nil && !list.isArray() && (!list.isScalar() || list.text != "") {
			return badRequest("%s must be a list", name)
		}
		total += len(list.items())
	}
	if total == 0 {
		return badRequest("nothing to do in %s", strings.Join(names, ", "))
	}
	if total > maxBatch {
		if c.e.config.BigBatchTimesOut {
			return &refusal{status: http.StatusGatewayTimeout, code: 504, text: "Gateway Time-out"}
		}
		return badRequest("%d items are more than the %d of one call", total, maxBatch)
	}
	c.items = total
	return nil
}

// readDeletes reads the list of ids to delete; nil means there was none.
func readDeletes(body *node) ([]int64, error) {
	var ids []int64
	list := body.get("delete")
	for i, item := range list.items() {
		id, ok := item.integer()
		if !ok || id <= 0 {
			return nil, badRequest("delete[%s] must be an id", list.keys[i])
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// wholeNumber reads a member that must be a whole number, as a number or as text; nil when it is absent or "".
func (n *node) wholeNumber(key, at string, isTime bool) (*int64, error) {
	m := n.get(key)
	if m == nil || m.isScalar() && m.text == "" {
		return nil, nil
	}
	i, ok := m.integer()
	if !ok || i < 0 {
		return nil, badRequest("%s[%s] must be a whole number", at, key)
	}
	if isTime && i > maxUnix {
		return nil, badRequest("%s[%s] must be a time in seconds", at, key)
	}
	return &i, nil
}

func (n *node) ids(key, at string) ([]int64, error) {
	m := n.get(key)
	if m == nil || m.isScalar() && m.text == "" {
		return nil, nil
	}
	if !m.isArray() {
		return nil, badRequest("%s[%s] must be a list of ids", at, key)
	}
	var ids []int64
	for i, item := range m.items() {
		id, ok := item.integer()
		if !ok || id <= 0 {
			return nil, badRequest("%s[%s][%s] must be an id", at, key, m.keys[i])
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// echo decides the request_id of an answer's item: what the client sent, or with a switch what the documents print.
func (c *call) echo(sent *node, otherwise int64) *node {
	if sent == nil && c.e.config.RequestIDAlways {
		return &node{kind: nodeNumber, text: strconv.FormatInt(otherwise, 10)}
	}
	return sent
}

func (c *call) writeItem(w *jsonWriter, item writtenItem, href string) {
	w.open('{')
	w.keyInteger("id", item.id)
	if item.requestID != nil {
		w.key("request_id")
		writeScalar(w, item.requestID)
	}
	if item.updatedAt != 0 && (c.e.config.UpdatedAtEchoMillis || c.action != nil && c.action.UpdatedAtMillis) {
		w.keyInteger("updated_at", item.updatedAt*1000)
	}
	w.self(href, "get")
	w.close('}')
}

// writeScalar writes a request_id back, a number whether it came as one or as text.
func writeScalar(w *jsonWriter, n *node) {
	if i, ok := n.integer(); ok {
		w.integer(i)
		return
	}
	w.text(n.text)
}

func (c *call) writeItemErrors(w *jsonWriter, adds, updates, deletes []itemError) {
	if len(adds)+len(updates)+len(deletes) == 0 {
		if c.e.config.NoErrorsAsList {
			w.keyRaw("errors", "[]")
		}
		return
	}
	w.key("errors")
	w.open('{')
	if len(adds) > 0 {
		w.key("add")
		c.writeErrorList(w, adds, false)
	}
	if len(updates) > 0 {
		w.key("update")
		c.writeErrorList(w, updates, true)
	}
	if len(deletes) > 0 {
		w.key("delete")
		c.writeErrorList(w, deletes, true)
	}
	w.close('}')
}

// writeErrorList writes the errors of one list; those of updates and deletes have the id of a record.
func (c *call) writeErrorList(w *jsonWriter, errs []itemError, known bool) {
	shape := c.e.config.ItemErrors
	switch {
	case shape == ItemErrorsRecorded && known:
		w.open('{')
		for i, e := range errs {
			last := slices.IndexFunc(errs[i+1:], func(o itemError) bool { return o.id == e.id }) < 0
			if last { // an object cannot hold two errors of one id
				w.keyText(strconv.FormatInt(e.id, 10), e.text)
			}
		}
		w.close('}')
	case shape == ItemErrorsIndexed:
		w.open('{')
		for _, e := range errs {
			w.keyText(strconv.Itoa(e.position), e.text)
		}
		w.close('}')
	case shape == ItemErrorsTexts:
		w.open('[')
		for _, e := range errs {
			w.text(e.text)
		}
		w.close(']')
	default:
		w.open('[')
		for _, e := range errs {
			w.open('{')
			if known {
				w.keyInteger("id", e.id)
			}
			w.keyInteger("code", int64(e.code))
			w.keyText("message", e.text)
			if e.requestID != nil {
				w.key("request_id")
				writeScalar(w, e.requestID)
			}
			w.close('}')
		}
		w.close(']')
	}
}
