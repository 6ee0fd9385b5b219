package v4

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// DecodeError classifies an answer of what is no part of a resource: the
// account. It returns nil for a success.
func DecodeError(r driver.Response) *driver.Error {
	return errorReader{}.decode(r)
}

// errorReader reads the errors of one resource.
type errorReader struct {
	// field returns our name of a path of upstream's, relative to the resource:
	// "custom_fields_values.0.field_id" → "custom_fields[0].field_id"; "" for a
	// path that is none of ours. Nil = no path is.
	field func(path string) string
	// ofCustomers says that the resource belongs to the customers of the account,
	// which can be switched off or missing from the plan.
	ofCustomers bool
	// needed is the mode of the customers without which the resource does not
	// exist, as upstream codes it; empty = any will do.
	needed string
}

// decode classifies r. It returns nil for a success.
func (e errorReader) decode(r driver.Response) *driver.Error {
	if r.Status >= 300 && r.Status < 400 {
		return decodeRedirect(r)
	}
	success := r.Status >= 200 && r.Status < 300
	if success {
		switch inspect(r.Body) {
		case bodyData:
			return nil
		case bodyHTML:
			return &driver.Error{
				Kind: driver.KindBadResponse, Status: r.Status,
				Message: "upstream answered a page instead of data",
			}
		case bodyError:
		}
	}
	f := readFailure(r.Body)
	if success && !f.found {
		return nil
	}
	f.status = r.Status
	if success {
		// An error object inside of a success tells its status itself.
		f.status = f.innerStatus
		if f.status == 0 {
			f.status = http.StatusBadRequest
		}
	}
	err := e.toError(f)
	err.Status = r.Status
	if err.Kind == driver.KindRateLimited || err.Kind == driver.KindUnavailable {
		err.RetryAfter = max(f.retryAfter, retryAfter(r.Header))
	}
	return err
}

// toError turns a failure into an error with the rows and fields that it names.
func (e errorReader) toError(f failure) *driver.Error {
	err := &driver.Error{Kind: e.classify(f), Status: f.status, Code: f.code}
	switch err.Kind {
	case driver.KindMoved:
		err.Host = hostName(f.domain)
	case driver.KindCustomersMode:
		err.Needed = e.needed
	case driver.KindUpstreamInvalid:
		e.addRows(err, f)
	default:
		// Kind and message tell all.
	}
	err.Message = message(err.Kind, f.text)
	return err
}

// addRows names the guilty rows. Where one of them has no name none is named,
// since the others would pass for innocent. The fields are those of the only
// row, or of all that have no name.
func (e errorReader) addRows(err *driver.Error, f failure) {
	items := make([]driver.ItemError, len(f.rows))
	isNamed := func(item driver.ItemError) bool { return item.Index >= 0 || item.ID > 0 }
	for i, row := range f.rows {
		items[i] = e.itemError(row, f.status)
	}
	for _, item := range items {
		if len(items) == 1 || !isNamed(item) {
			err.Fields = append(err.Fields, item.Err.Fields...)
			err.Code = cmp.Or(err.Code, item.Err.Code)
		}
	}
	if len(items) == 1 && !isNamed(items[0]) {
		// A named row keeps its kind to itself: the rest of a batch is not at fault.
		err.Kind = items[0].Err.Kind
	}
	if len(items) > 0 && !slices.ContainsFunc(items, func(item driver.ItemError) bool { return !isNamed(item) }) {
		err.Items = items
	}
}

// itemError is the error of one row.
func (e errorReader) itemError(row rowFailure, status int) driver.ItemError {
	item := driver.ItemError{ID: row.id, Index: -1}
	if row.requestID > 0 {
		item.Index = int(row.requestID - 1)
	}
	err := &driver.Error{Kind: driver.KindUpstreamInvalid, Status: status, ID: row.id}
	var text string
	for _, c := range row.causes {
		err.Code = cmp.Or(err.Code, c.code)
		text = cmp.Or(text, c.text)
		if c.code == "EntityNotFound" && (c.path == "id" || c.path == "") {
			err.Kind = driver.KindNotFound
			continue
		}
		path := e.path(c.path)
		if path != "" {
			err.Fields = append(err.Fields, driver.FieldError{Path: path, Description: refusal(c)})
		}
	}
	if code := codeIn(text); err.Code == "" && code != "" {
		// A code from before v4 inside of the text.
		err.Code = code
		err.Kind = e.classify(failure{isJSON: true, status: http.StatusBadRequest, code: code, text: text})
	}
	if err.Kind != driver.KindUpstreamInvalid {
		err.Fields = nil
	}
	switch {
	case text == "" && err.Code != "":
		text = err.Code
	case text != "" && len(err.Fields) == 0 && len(row.causes) > 0 && row.causes[0].path != "":
		// A field that has no name here: upstream's own has to do.
		text = row.causes[0].path + ": " + text
	}
	err.Message = message(err.Kind, text)
	item.Err = err
	return item
}

// path returns our name of a path of upstream's; "" = none.
func (e errorReader) path(upstream string) string {
	if e.field == nil || upstream == "" {
		return ""
	}
	return e.field(upstream)
}

// refusal says what is wrong with a field in upstream's words.
func refusal(c cause) string {
	code, text := clean(c.code), clean(c.text)
	switch {
	case code != "" && text != "":
		return "upstream refuses it: " + code + ": " + text
	case code+text != "":
		return "upstream refuses it: " + code + text
	}
	return "upstream refuses it"
}

// classify goes by upstream's numeric code, which does not depend on the
// language of the account, then by the status.
func (e errorReader) classify(f failure) driver.Kind {
	switch f.code {
	case "110", "111", "112":
		return driver.KindReauth
	case "113":
		return driver.KindBlocked
	case "101":
		// No such account on this host.
		return driver.KindMoved
	case "401":
		// Beside a domain: the account is on another server.
		if f.domain != "" {
			return driver.KindMoved
		}
		return driver.KindReauth
	case "244", "288":
		return driver.KindForbidden
	case "402":
		if e.ofCustomers {
			return driver.KindCustomersNotInPlan
		}
		return driver.KindPaymentRequired
	case "425":
		if e.ofCustomers {
			return driver.KindCustomersNotInPlan
		}
	case "426":
		if e.ofCustomers {
			return driver.KindCustomersDisabled
		}
	case "219":
		// Search failed, try again.
		return driver.KindUnavailable
	}
	return e.classifyStatus(f)
}

// customersText finds a text about the customers function, in the languages
// that upstream speaks.
var customersText = regexp.MustCompile(`(?i)customer|function|feature|покупател|функци`)

// disabledText finds the text of what is switched off.
var disabledText = regexp.MustCompile(`(?i)disabled|switched off|turned off|отключ|выключ`)

// modeText finds a text about the mode of the customers.
var modeText = regexp.MustCompile(`(?i)\bmode\b|режим`)

// limitText finds the text of a request or a collection that is too large.
var limitText = regexp.MustCompile(`(?i)limit|maximum|too many|exceed|лимит|максим|превыш|больше`)

// routeText finds the text of an address that upstream does not know.
var routeText = regexp.MustCompile(`^Cannot [A-Z]+ `)

func (e errorReader) classifyStatus(f failure) driver.Kind {
	switch {
	case f.status == http.StatusUnauthorized:
		return driver.KindReauth
	case f.status == http.StatusPaymentRequired:
		if e.ofCustomers && customersText.MatchString(f.text) {
			return driver.KindCustomersNotInPlan
		}
		return driver.KindPaymentRequired
	case f.status == http.StatusForbidden:
		// Rights are refused in JSON; floods and addresses at the gate, with a
		// page or with nothing.
		if f.isJSON {
			return driver.KindForbidden
		}
		return driver.KindBlocked
	case f.status == http.StatusNotFound:
		// A page, an unknown address and an unknown verb are not about a record.
		if f.isJSON && !routeText.MatchString(f.text) {
			return driver.KindNotFound
		}
		return driver.KindBadResponse
	case f.status == http.StatusTooManyRequests:
		return driver.KindRateLimited
	case f.status == http.StatusRequestTimeout, f.status == 499, f.status >= 500:
		return driver.KindUnavailable
	case f.status == http.StatusRequestEntityTooLarge:
		// Whoever says so, it was not carried out; a smaller batch may pass.
		return driver.KindUpstreamInvalid
	case !f.isJSON:
		return driver.KindBadResponse
	case f.status == http.StatusBadRequest:
		return driver.KindUpstreamInvalid
	case f.status == http.StatusUnprocessableEntity:
		return e.classifyUnprocessable(f)
	}
	// Also 405: the method takes another verb or body, so it is not the API that
	// is spoken here.
	return driver.KindBadResponse
}

// classifyUnprocessable: 422 is a request that is too large, a collection that
// is full, customers that are switched off, or that work in another mode.
func (e errorReader) classifyUnprocessable(f failure) driver.Kind {
	switch {
	case len(f.rows) > 0 || !e.ofCustomers:
		return driver.KindUpstreamInvalid
	case customersText.MatchString(f.text) && disabledText.MatchString(f.text):
		return driver.KindCustomersDisabled
	case limitText.MatchString(f.text):
		return driver.KindUpstreamInvalid
	case e.needed != "" || modeText.MatchString(f.text):
		return driver.KindCustomersMode
	}
	return driver.KindUpstreamInvalid
}

// summaries say what an error means; upstream's own text follows.
var summaries = map[driver.Kind]string{
	driver.KindUpstreamInvalid:    "upstream refused a value",
	driver.KindNotFound:           "upstream has no such record",
	driver.KindForbidden:          "the CRM user lacks the right",
	driver.KindReauth:             "upstream does not accept the credentials",
	driver.KindPaymentRequired:    "the account's subscription has ended",
	driver.KindBlocked:            "upstream has blocked the account or this address",
	driver.KindMoved:              "the account lives on another host",
	driver.KindCustomersDisabled:  "customers are switched off in the account",
	driver.KindCustomersNotInPlan: "the account's plan has no customers",
	driver.KindCustomersMode:      "the account's customers work in another mode",
	driver.KindRateLimited:        "upstream has had too many requests",
	driver.KindUnavailable:        "upstream failed",
	driver.KindBadResponse:        "upstream's answer cannot be understood",
}

func message(kind driver.Kind, text string) string {
	if text = clean(text); text != "" {
		return summaries[kind] + ": " + text
	}
	return summaries[kind]
}

// maxShown bounds upstream's own text in our messages, in runes.
const maxShown = 200

// secret finds what looks like a credential: long runs of hex or base64, and
// values of the parameters that carry credentials.
var secret = regexp.MustCompile(`(?i)(access_token|refresh_token|client_secret|client_id|code|bearer)["']?\s*[=:]\s*["']?[^\s"'&,;]+|bearer\s+[^\s"'&,;]+|[A-Za-z0-9+/_-]{24,}`)

// clean makes upstream's text fit to be shown: one line without markup, query
// strings and credentials, at most maxShown runes.
func clean(text string) string {
	text = shorten(text)
	if strings.ContainsAny(text, "<>") {
		return ""
	}
	words := strings.Fields(text)
	for i, word := range words {
		if before, _, found := strings.Cut(word, "?"); found && strings.Contains(word, "=") {
			words[i] = before + "?…"
		}
	}
	text = secret.ReplaceAllString(strings.Join(words, " "), "…")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown-1]) + "…"
	}
	return text
}

// retryAfter reads Retry-After: seconds, or a date, which is counted from the
// answer's own Date. Upstream documents neither; a gateway may send one.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	at, err := http.ParseTime(value)
	if err != nil {
		return seconds(value)
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(at.Sub(date), 0)
}

type bodyKind int

const (
	bodyData bodyKind = iota
	bodyHTML
	bodyError
)

// inspect tells the body of a success that is none. It reads no further than
// the first telling key: a page is decoded once, not twice. What is no JSON is
// left to the decoder of the data; errors beside rows are, too.
func inspect(body []byte) bodyKind {
	trimmed := bytes.TrimLeft(body, " \t\r\n\xef\xbb\xbf")
	if len(trimmed) > 0 && trimmed[0] == '<' {
		return bodyHTML
	}
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return bodyData
	}
	dec := jsontext.NewDecoder(bytes.NewReader(trimmed), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	kind := bodyData
	err := eachMember(dec, func(name string) error {
		switch name {
		case "_embedded", "id":
			kind = bodyData
			return errSeen
		case "title", "detail", "status", "error", "error_code", "response", "validation-errors":
			kind = bodyError
		case "errors":
			raw, err := dec.ReadValue()
			if err == nil && !wire.IsEmpty(raw) {
				kind = bodyError
			}
			return err
		}
		return dec.SkipValue()
	})
	if err != nil && !errors.Is(err, errSeen) {
		return bodyData
	}
	return kind
}

// errSeen ends a walk over the members of an object.
var errSeen = errors.New("seen enough")

// badResponse wraps what is wrong with an answer.
func badResponse(err error) error {
	if e := (*driver.Error)(nil); errors.As(err, &e) {
		return e
	}
	return &driver.Error{
		Kind:    driver.KindBadResponse,
		Message: summaries[driver.KindBadResponse],
		Err:     err,
	}
}

// named says which operation an error belongs to.
func named(err error, resource string, op driver.Op) error {
	if e := (*driver.Error)(nil); errors.As(err, &e) && e.Op == "" {
		e.Op = resource + "." + string(op)
	}
	return err
}
