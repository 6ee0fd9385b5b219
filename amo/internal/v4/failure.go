package v4

import (
	"bytes"
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/wire"
)

// failure is an error body, read from any of its shapes.
type failure struct {
	// found says that the body is an error object, isJSON that it is JSON at all.
	found, isJSON bool
	// status is the HTTP status; innerStatus the one that the body tells.
	status, innerStatus int
	// code is upstream's numeric code from before v4, of `error_code` or of the
	// text; empty = none.
	code string
	text string
	// domain is the host that an account has moved to.
	domain     string
	retryAfter time.Duration
	// rows are the rows that upstream names.
	rows []rowFailure
}

// rowFailure is what is wrong with one row of a request.
type rowFailure struct {
	// requestID is the request id of the row, id that of its record; 0 = not told.
	requestID, id int64
	causes        []cause
}

// cause is one reason for which a row is refused.
type cause struct {
	code, path, text string
}

// readFailure reads the shapes of error bodies, whatever the status:
//
//	{"title":"…","status":400,"detail":"…","validation-errors":[…]}
//	{"title":"…","status":400,"detail":"…","errors":{"<id>":"…"}}
//	{"title":"…","status":400,"detail":"…","errors":[{"request_id":"1","errors":{…}}]}
//	{"detail":"Error 426."}
//	{"response":{"error":"…","error_code":"110","domain":"…"}}, from older APIs
//
// HTML and other text is not read at all.
func readFailure(body []byte) failure {
	var f failure
	members, err := readMembers(body)
	if err != nil {
		f.isJSON = isJSON(body)
		return f
	}
	f.isJSON = true
	if inner, ok := find(members, "response"); ok {
		if legacy, err := readMembers(inner); err == nil {
			members = append(members, legacy...)
		}
	}
	var title, detail, hint string
	for _, m := range members {
		switch m.name {
		case "title":
			title = scalarText(m.value)
		case "detail", "message":
			detail = cmp.Or(scalarText(m.value), detail)
		case "error":
			detail = cmp.Or(detail, scalarText(m.value))
		case "hint":
			hint = scalarText(m.value)
		case "error_code", "code":
			if code := scalarText(m.value); code != "0" {
				f.code = code
			}
		case "domain":
			f.domain = scalarText(m.value)
		case "status":
			f.innerStatus, _ = strconv.Atoi(scalarText(m.value))
		case "retry_after":
			f.retryAfter = seconds(scalarText(m.value))
		case "validation-errors", "errors":
			f.rows = append(f.rows, readRowFailures(m.value)...)
		}
	}
	f.text = shorten(cmp.Or(detail, title, hint))
	f.found = f.text != "" || f.code != "" || len(f.rows) > 0 || f.innerStatus >= 300
	for _, text := range []string{detail, hint, title} {
		if f.code == "" {
			f.code = codeIn(text)
		}
	}
	return f
}

func isJSON(body []byte) bool {
	trimmed := bytes.TrimSpace(body)
	return len(trimmed) > 0 && jsontext.Value(trimmed).IsValid()
}

// textCode finds a numeric code inside of a text: "Error 426.", also in Russian.
var textCode = regexp.MustCompile(`(?i)(?:error|ошибк[а-я]*)(?:\s+code)?[\s:#№]*([0-9]{3,4})(?:[^0-9]|$)`)

func codeIn(text string) string {
	if m := textCode.FindStringSubmatch(shorten(text)); m != nil {
		return m[1]
	}
	return ""
}

// maxText bounds upstream's text before anything is looked for in it.
const maxText = 4096

func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

// seconds reads a number of seconds; anything else is 0.
func seconds(text string) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// readRowFailures reads `validation-errors` or `errors`: a list of rows with
// errors of their own, a list of errors, one error, a list of texts, or texts
// by the id of the record.
func readRowFailures(raw jsontext.Value) []rowFailure {
	if wire.IsEmpty(raw) {
		return nil
	}
	switch raw.Kind() {
	case jsontext.KindBeginArray:
		var elements wire.List[jsontext.Value]
		if err := wire.Unmarshal(raw, &elements); err != nil {
			return []rowFailure{{}}
		}
		var failures []rowFailure
		for _, element := range elements {
			failures = append(failures, readRowFailure(element))
		}
		return failures
	case jsontext.KindBeginObject:
		members, err := readMembers(raw)
		if err != nil {
			return []rowFailure{{}}
		}
		if isRowFailure(members) {
			return []rowFailure{readRowFailure(raw)}
		}
		var failures []rowFailure
		for _, m := range members {
			f := readRowFailure(m.value)
			if id, err := strconv.ParseInt(m.name, 10, 64); err == nil && id > 0 && f.requestID == 0 {
				f.id = id
			}
			failures = append(failures, f)
		}
		return failures
	default:
		return []rowFailure{readRowFailure(raw)}
	}
}

// isRowFailure tells an error from errors by key.
func isRowFailure(members []member) bool {
	for _, name := range []string{"request_id", "code", "path", "detail", "title", "errors"} {
		if _, ok := find(members, name); ok {
			return true
		}
	}
	return false
}

// readRowFailure reads {"request_id":"1","errors":[…]}, where `errors` may be one
// error, an error itself, or a text.
func readRowFailure(raw jsontext.Value) rowFailure {
	members, err := readMembers(raw)
	if err != nil {
		return rowFailure{causes: readCauses(raw)}
	}
	var f rowFailure
	for _, m := range members {
		switch m.name {
		case "request_id":
			var id requestIDs
			if err := wire.Unmarshal(m.value, &id); err == nil {
				f.requestID = id.first()
			}
		case "id", "entity_id":
			var id wire.Int
			if err := wire.Unmarshal(m.value, &id); err == nil {
				f.id = max(id.Value, 0)
			}
		case "errors":
			f.causes = readCauses(m.value)
		}
	}
	if _, nested := find(members, "errors"); !nested {
		f.causes = readCauses(raw)
	}
	return f
}

// readCauses reads one error or a list of them; a text is an error too.
func readCauses(raw jsontext.Value) []cause {
	switch raw.Kind() {
	case jsontext.KindBeginArray:
		var elements wire.List[jsontext.Value]
		if err := wire.Unmarshal(raw, &elements); err != nil {
			return nil
		}
		var causes []cause
		for _, element := range elements {
			// One level: a list of lists is no documented shape.
			if element.Kind() != jsontext.KindBeginArray {
				causes = append(causes, readCauses(element)...)
			}
		}
		return causes
	case jsontext.KindBeginObject:
		members, err := readMembers(raw)
		if err != nil {
			return nil
		}
		get := func(name string) string {
			value, _ := find(members, name)
			return shorten(scalarText(value))
		}
		c := cause{code: get("code"), path: get("path")}
		c.text = cmp.Or(get("detail"), get("message"), get("title"))
		return []cause{c}
	default:
		if text := shorten(scalarText(raw)); text != "" {
			return []cause{{text: text}}
		}
		return nil
	}
}

// requestIDs is a request id as upstream echoes it: a text, a number, or a list
// of them where it merged several rows.
type requestIDs []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (r *requestIDs) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*r = nil
	var list wire.List[jsontext.Value]
	if err := wire.Unmarshal(raw, &list); err != nil {
		return nil //nolint:nilerr // an echo that cannot be understood is none
	}
	for _, element := range list {
		if text := scalarText(element); text != "" {
			*r = append(*r, text)
		}
	}
	return nil
}

// first returns the first id that is a number above 0, as ours are; 0 = none.
func (r requestIDs) first() int64 {
	for _, text := range r {
		if id, err := wire.ParseInt(text); err == nil && id > 0 {
			return id
		}
	}
	return 0
}
