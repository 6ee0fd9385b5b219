package v2

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/amogate/amogate/amo/internal/driver"
)

// codeNothingFound is the documented code of a list that finds nothing; it
// belongs to HTTP 204, which has no body.
const codeNothingFound = "2002"

// DecodeError classifies an answer of a resource without codes of its own: the
// account and the login. It returns nil for a success.
func DecodeError(r driver.Response) *driver.Error {
	return decodeError(r, classify, nil)
}

// sectionError returns DecodeError with the codes of the customers section,
// which mean other things elsewhere, for one of its resources.
func sectionError(keys map[string]string) func(driver.Response) *driver.Error {
	return func(r driver.Response) *driver.Error { return decodeError(r, classifyCustomers, keys) }
}

// decodeError classifies r; keys are upstream's names of the resource's fields.
func decodeError(r driver.Response, classify func(failure) driver.Kind, keys map[string]string) *driver.Error {
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
	if success && (!f.found || f.code == codeNothingFound) {
		return nil
	}
	f.status = r.Status
	if success && f.innerStatus != 0 {
		// An error object inside of a success tells its status itself.
		f.status = f.innerStatus
	}
	e := &driver.Error{
		Kind:   classify(f),
		Status: r.Status,
		Code:   f.code,
	}
	e.Message = message(e.Kind, f)
	switch e.Kind {
	case driver.KindMoved:
		e.Host = hostName(f.domain)
	case driver.KindUpstreamInvalid:
		e.Fields = faultyFields(f, keys)
	case driver.KindRateLimited, driver.KindUnavailable:
		e.RetryAfter = retryAfter(r.Header)
	default:
		// Kind and message tell all.
	}
	return e
}

// decodeRedirect tells a moved account from redirects that lead nowhere: to the
// host that sent them, or from TLS down to plain HTTP.
func decodeRedirect(r driver.Response) *driver.Error {
	e := &driver.Error{Kind: driver.KindBadResponse, Status: r.Status}
	location := r.Header.Get("Location")
	if location == "" {
		e.Message = "upstream redirects to nowhere"
		return e
	}
	base := r.URL
	target, err := parseLocation(location)
	switch {
	case err != nil:
		e.Message = "upstream redirects to an address that cannot be understood"
	case target.Host == "" || base != nil && strings.EqualFold(target.Host, base.Host):
		e.Message = "upstream redirects to itself"
	case target.Scheme == "http" && (base == nil || base.Scheme != "http"):
		e.Message = "upstream redirects to plain http"
	default:
		e.Kind = driver.KindMoved
		e.Host = hostName(target.Host)
		e.Message = "the account lives on another host"
	}
	return e
}

// classify goes by upstream's code, then by the text where that alone tells,
// then by the status.
func classify(f failure) driver.Kind {
	switch f.code {
	case "110", "111", "112":
		return driver.KindReauth
	case "113":
		return driver.KindBlocked
	case "101":
		// No such account on this host.
		return driver.KindMoved
	case "401":
		// "The account is on another server", where a domain is told; without
		// one the code only repeats the status.
		if f.domain != "" {
			return driver.KindMoved
		}
		return driver.KindReauth
	case "102", "103", "104", "405":
		// The method is unknown, or takes another verb or body: not the API
		// that is spoken here.
		return driver.KindBadResponse
	case "402":
		return driver.KindPaymentRequired
	case "403":
		// The documented code of an account blocked for its requests.
		if f.legacy {
			return driver.KindBlocked
		}
	case "429":
		return driver.KindRateLimited
	case "202", "244":
		return driver.KindForbidden
	case "201", "203", "204", "205", "206", "207", "208", "209", "210", "211", "212", "217", "238", "240", "330", "400":
		return driver.KindUpstreamInvalid
	case "219":
		// Search failed, try again.
		return driver.KindUnavailable
	}
	return classifyStatus(f)
}

func classifyStatus(f failure) driver.Kind {
	switch {
	case f.status == http.StatusUnauthorized:
		return driver.KindReauth
	case f.status == http.StatusPaymentRequired:
		return driver.KindPaymentRequired
	case f.status == http.StatusForbidden:
		// Rights are refused in JSON; flooding and addresses at the gate, with
		// a page or with nothing.
		if f.isJSON {
			return driver.KindForbidden
		}
		return driver.KindBlocked
	case f.status == http.StatusTooManyRequests:
		return driver.KindRateLimited
	case f.status == http.StatusRequestTimeout, f.status >= 500:
		return driver.KindUnavailable
	case f.status == http.StatusRequestEntityTooLarge:
		// Whoever says so, it was not carried out; a smaller batch may pass.
		return driver.KindUpstreamInvalid
	case f.status == http.StatusBadRequest, f.status == http.StatusUnprocessableEntity:
		if f.isJSON {
			return driver.KindUpstreamInvalid
		}
		return driver.KindBadResponse
	case f.found && f.status >= 200 && f.status < 300:
		// An error object inside of a success, with no code that tells more.
		return driver.KindUpstreamInvalid
	}
	// Also 404: v2 has no paths that name a record, so it is never "no such
	// record".
	return driver.KindBadResponse
}

// customersText finds an error text about the customers function, in the
// languages upstream speaks.
var customersText = regexp.MustCompile(`(?i)customer|function|feature|покупател|функци`)

// subscriptionText finds an error text about the account's subscription.
var subscriptionText = regexp.MustCompile(`(?i)subscri|account|licen[cs]e|подписк|аккаунт|лицензи`)

// functionCode finds the text of the answer of accounts whose customers are
// switched off: HTTP 400 "Error 426.".
var functionCode = regexp.MustCompile(`(?i)\berror (402|42[56])\b`)

// classifyCustomers adds the codes of the customers section. 402 is two things
// there: upstream's code 402 is the function that has to be paid, the bare
// status 402 the subscription that has ended; a text that names one of them
// wins.
func classifyCustomers(f failure) driver.Kind {
	code := f.code
	if m := functionCode.FindStringSubmatch(f.text); m != nil {
		code, f.legacy = m[1], true
	}
	if code == "" && (f.status == 402 || f.status == 425 || f.status == 426) {
		code = strconv.Itoa(f.status)
	}
	switch code {
	case "288":
		return driver.KindForbidden
	case "402":
		switch {
		case customersText.MatchString(f.text):
			return driver.KindCustomersNotInPlan
		case subscriptionText.MatchString(f.text) || !f.legacy:
			return driver.KindPaymentRequired
		}
		return driver.KindCustomersNotInPlan
	case "425":
		return driver.KindCustomersNotInPlan
	case "426":
		return driver.KindCustomersDisabled
	}
	return classify(f)
}

// staleText is upstream's refusal of a change that is not newer than the record.
const staleText = "last modified date is older than in database"

// referredText finds what a record refers to in a text that something was not
// found: then it is not the record that is missing.
var referredText = regexp.MustCompile(`(?i)field|contact|compan|user|catalog|element`)

// itemError classifies an error of one item inside of a success. What is not
// found when something is made is what the new record refers to.
func (r writeReader) itemError(code, text string) *driver.Error {
	text = shorten(text)
	f := failure{found: true, isJSON: true, legacy: true, status: http.StatusOK, code: code, text: text}
	e := &driver.Error{Status: http.StatusOK, Code: code}
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, staleText):
		e.Kind = driver.KindConflict
	case r.op != driver.OpCreate && code == "" && strings.Contains(lower, "not found") && !referredText.MatchString(text):
		e.Kind = driver.KindNotFound
	default:
		e.Kind = r.classify(f)
	}
	if e.Kind == driver.KindUpstreamInvalid {
		e.Fields = faultyFields(f, r.keys)
	}
	e.Message = message(e.Kind, f)
	return e
}

// customFieldCodes are the codes of errors about custom fields.
var customFieldCodes = map[string]bool{"203": true, "204": true, "210": true, "211": true, "238": true, "240": true}

// customerKeys are upstream's names of the fields of a customer, as its texts
// mention them.
var customerKeys = map[string]string{
	"name":                "name",
	"next_date":           "next_purchase_time",
	"next_price":          "next_price",
	"responsible_user_id": "responsible_user_id",
	"period_id":           "period_id",
	"periodicity":         "periodicity",
	"tags":                "tags",
	"contacts_id":         "contact_ids",
	"company_id":          "company_id",
	"custom_fields":       "custom_fields",
	"catalog_elements_id": "catalog_elements",
	"created_at":          "create_time",
	"created_by":          "created_by",
}

// faultyFields names the fields that upstream refuses, where its code or text
// tells. keys are upstream's names of the resource's fields.
func faultyFields(f failure, keys map[string]string) []driver.FieldError {
	if _, has := keys["custom_fields"]; has && customFieldCodes[f.code] {
		return []driver.FieldError{{Path: "custom_fields", Description: refusal(f)}}
	}
	var fields []driver.FieldError
	words := strings.FieldsFunc(f.text, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	seen := map[string]bool{}
	for _, word := range words {
		path, ok := keys[strings.ToLower(word)]
		if ok && !seen[path] {
			seen[path] = true
			fields = append(fields, driver.FieldError{Path: path, Description: refusal(f)})
		}
	}
	return fields
}

func refusal(f failure) string {
	if text := clean(f.text); text != "" {
		return "upstream refuses it: " + text
	}
	return "upstream refuses it with code " + clean(f.code)
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
	driver.KindRateLimited:        "upstream has had too many requests",
	driver.KindConflict:           "the record is newer than the change",
	driver.KindUnavailable:        "upstream failed",
	driver.KindBadResponse:        "upstream's answer cannot be understood",
}

func message(kind driver.Kind, f failure) string {
	summary := summaries[kind]
	if text := clean(f.text); text != "" {
		return summary + ": " + text
	}
	return summary
}

// maxText bounds upstream's own text in our messages.
const maxText = 200

// secret finds what looks like a credential: long runs of hex or base64, and
// values of the parameters that carry credentials.
var secret = regexp.MustCompile(`(?i)(user_hash|user_login|api_key|login|access_token|refresh_token|client_secret|bearer)["']?\s*[=: ]\s*["']?[^\s"'&,;]+|[A-Za-z0-9+/_-]{24,}`)

// clean makes upstream's text fit to be shown: one line without markup, query
// strings and credentials, at most maxText runes.
func clean(text string) string {
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
	runes := []rune(text)
	if len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return text
}

// retryAfter reads Retry-After: seconds, or a date, which is counted from the
// answer's own Date. Upstream documents neither; a gateway may send one.
func retryAfter(header http.Header) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(at.Sub(date), 0)
}

// badResponse wraps what is wrong with an answer.
func badResponse(err error) error {
	if e := (*driver.Error)(nil); errors.As(err, &e) {
		return e
	}
	return &driver.Error{
		Kind:    driver.KindBadResponse,
		Message: "upstream's answer cannot be understood",
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
