package emulator

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// reply is an answer before it is delivered, over a socket or without one.
type reply struct {
	status int
	header http.Header
	body   []byte

	delay time.Duration // before the first byte
	cut   int           // bytes of the body that arrive before the connection breaks; negative: all
	drip  drip
	drop  bool // the connection breaks before the first byte
	reset bool // by a reset, where it breaks
}

// drip is a body delivered in pieces.
type drip struct {
	bytes int // per piece; 0: the whole body at once
	every time.Duration
}

func newReply(status int, contentType string, body []byte) *reply {
	r := &reply{status: status, header: http.Header{}, body: body, cut: -1}
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	return r
}

// halReply is a successful answer of a resource.
func (c *call) halReply(body []byte) *reply {
	return newReply(http.StatusOK, "application/hal+json", body)
}

// emptyReply is how a list that found nothing is answered: 204, no body, no type.
func emptyReply() *reply { return newReply(http.StatusNoContent, "", nil) }

// htmlReply is a page of the web server in front of the service.
func htmlReply(status int) *reply {
	title := html.EscapeString(strconv.Itoa(status) + " " + http.StatusText(status))
	page := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
	return newReply(status, "text/html; charset=UTF-8", []byte(page))
}

// refusal is an error of the service: an HTTP status, its own code (a string on the wire) and a text.
type refusal struct {
	status int
	code   int
	text   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("emulator: %s (status %d, code %d)", r.text, r.status, r.code)
}

// badRequest is the refusal of a malformed structure.
func badRequest(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: 400, text: fmt.Sprintf(format, args...)}
}

// errorReply writes a refusal in the configured style; generation v4 has but one.
func (c *call) errorReply(r *refusal) *reply {
	if c.isV4() {
		return c.problemReply(problemOf(r))
	}
	var w jsonWriter
	contentType := "application/json"
	w.open('{')
	switch c.e.config.ErrorStyle {
	case ErrorLegacy:
		w.key("response")
		w.open('{')
		w.keyText("error", r.text)
		w.keyText("error_code", strconv.Itoa(r.code))
		w.keyInteger("server_time", c.now.Unix())
		w.close('}')
	case ErrorProblem:
		contentType = "application/problem+json"
		w.keyText("title", "Error")
		w.keyText("type", "https://httpstatus.es/"+strconv.Itoa(r.status))
		w.keyInteger("status", int64(r.status))
		w.keyText("detail", r.text)
	case ErrorBare:
		w.keyText("error", r.text)
	}
	w.close('}')
	return newReply(r.status, contentType, w.buf)
}

// minGzip is the body size from which compressing pays.
const minGzip = 860

func acceptsGzip(h http.Header) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}

// zippers are writers to be used again: a new one costs more than a page.
var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // there is such a level
	return z
}}

func (r *reply) compress() error {
	var b bytes.Buffer
	b.Grow(len(r.body) / 4)
	z, _ := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	z.Reset(&b)
	if _, err := z.Write(r.body); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	r.setGzip(b.Bytes())
	return nil
}

func (r *reply) setGzip(body []byte) {
	r.body = body
	r.header.Set("Content-Encoding", "gzip")
	r.header.Add("Vary", "Accept-Encoding")
}

// bomb is a gzip body of zeros that unpacks to size bytes.
func bomb(size int64) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.CopyN(z, zeros{}, size); err != nil {
		return nil, fmt.Errorf("make bomb: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("make bomb: %w", err)
	}
	return b.Bytes(), nil
}

// wideObject is a JSON object of so many keys.
func wideObject(keys int) []byte {
	var w jsonWriter
	w.open('{')
	for i := range keys {
		w.keyInteger("k"+strconv.Itoa(i), 0)
	}
	w.close('}')
	return w.buf
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
