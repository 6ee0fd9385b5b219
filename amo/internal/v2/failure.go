package v2

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/wire"
)

// failure is an error body, read from any of its shapes.
type failure struct {
	// found says that the body is an error object.
	found bool
	// isJSON says that the body is JSON at all.
	isJSON bool
	// legacy says that the code is upstream's own and not the HTTP status.
	legacy bool
	// status is the HTTP status; innerStatus the one in a problem object.
	status, innerStatus int
	code, text, domain  string
}

// readFailure reads the shapes of error bodies, whatever the status:
//
//	{"response":{"error":"…","error_code":"110","domain":"…"}}
//	{"title":"…","status":401,"detail":"…"}
//	{"error":"…"} and {"error":{"code":…,"message":"…"}}
//	{"status":"fail","error":"…","error_code":222}
//	{"code":244,"message":"…"}, which is documented for items only
//
// Per-item errors stand inside of a success, see readItemErrors; HTML and other
// text is not read at all.
func readFailure(body []byte) failure {
	var f failure
	members, err := readMembers(body)
	if err != nil {
		return f
	}
	f.isJSON = true
	for _, m := range members {
		if m.name == "response" && m.value.Kind() == jsontext.KindBeginObject {
			if inner, err := readMembers(m.value); err == nil {
				members = append(members, inner...)
			}
			break
		}
	}
	var title, detail string
	for _, m := range members {
		switch m.name {
		case "error":
			if wire.IsEmpty(m.value) {
				continue
			}
			if m.value.Kind() == jsontext.KindBeginObject {
				f.readErrorObject(m.value)
				continue
			}
			f.text = scalarText(m.value)
			f.found = f.found || f.text != ""
		case "error_code", "code":
			if code := scalarText(m.value); !wire.IsEmpty(m.value) && code != "" && code != "0" {
				f.code, f.legacy, f.found = code, true, true
			}
		case "domain":
			f.domain = scalarText(m.value)
		case "auth":
			// A login that is refused without a code.
			if m.value.Kind() == jsontext.KindFalse {
				f.found, f.innerStatus = true, http.StatusUnauthorized
			}
		case "message", "msg":
			detail = cmp.Or(detail, scalarText(m.value))
		case "title":
			title = scalarText(m.value)
		case "detail":
			detail = cmp.Or(scalarText(m.value), detail)
		case "status":
			status := scalarText(m.value)
			f.innerStatus, _ = strconv.Atoi(status)
			f.found = f.found || status == "fail" || f.innerStatus >= 300
		}
	}
	if f.text == "" {
		f.text = cmp.Or(detail, title)
		f.found = f.found || detail != "" || title != ""
	}
	f.text = shorten(f.text)
	return f
}

// maxRawText bounds upstream's text before anything is looked for in it.
const maxRawText = 4096

func shorten(text string) string {
	if len(text) <= maxRawText {
		return text
	}
	return strings.ToValidUTF8(text[:maxRawText], "")
}

func (f *failure) readErrorObject(raw jsontext.Value) {
	members, err := readMembers(raw)
	if err != nil {
		return
	}
	for _, m := range members {
		switch m.name {
		case "code", "error_code":
			f.code, f.legacy = scalarText(m.value), true
		case "message", "msg", "text", "error":
			f.text = scalarText(m.value)
		}
	}
	f.found = true
}

// scalarText returns a scalar as text; a container is empty.
func scalarText(raw jsontext.Value) string {
	var t wire.Text
	if err := wire.Unmarshal(raw, &t); err != nil {
		return ""
	}
	return t.Value
}

type bodyKind int

const (
	bodyData bodyKind = iota
	bodyHTML
	bodyError
)

// inspect tells the body of a success that is none. It reads no further than
// the first telling key: a page is decoded once, not twice. What is no JSON is
// left to the decoder of the data.
func inspect(body []byte) bodyKind {
	trimmed := bytes.TrimLeft(body, " \t\r\n\xef\xbb\xbf")
	if len(trimmed) > 0 && trimmed[0] == '<' {
		return bodyHTML
	}
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return bodyData
	}
	dec := jsontext.NewDecoder(bytes.NewReader(trimmed), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		return bodyData
	}
	for dec.PeekKind() == jsontext.KindString {
		name, err := dec.ReadToken()
		if err != nil {
			return bodyData
		}
		switch name.String() {
		case "_embedded", "id":
			return bodyData
		case "response", "error", "error_code", "code", "title", "detail", "status":
			return bodyError
		}
		if err := dec.SkipValue(); err != nil {
			return bodyData
		}
	}
	return bodyData
}
