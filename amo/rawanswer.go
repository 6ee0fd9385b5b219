package amo

import (
	"net/http"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
)

// keepAbove is the size in bytes as received above which the answer of a page
// that is not needed yet is kept so. What is smaller is decoded at once: it may be
// an error, of which limiter and credentials have to hear.
const keepAbove = 4 << 10

// rawAnswer is an answer as received.
type rawAnswer struct {
	// Response is that of the answer; it has its body once it is unpacked.
	driver.Response
	received []byte
	gzip     bool
}

// isKept says whether an answer is one to keep until it is needed.
func (a *rawAnswer) isKept() bool {
	return a.Status == http.StatusOK && len(a.received) > keepAbove
}

// unpack unpacks the body.
func (a *rawAnswer) unpack() *Error {
	if !a.gzip || len(a.received) == 0 {
		a.Body = a.received
		return nil
	}
	body, tooLarge, err := gunzip(a.received, maxBody)
	switch {
	case tooLarge:
		return answerTooLarge(a.Status)
	case err != nil:
		return answerCut(a.Status, err)
	}
	a.Body = body
	return nil
}

func answerTooLarge(status int) *Error {
	return &Error{Kind: KindTooLarge, Message: "upstream's answer is larger than 32 MiB", Status: status}
}

func answerCut(status int, err error) *Error {
	return &Error{Kind: KindBadResponse, Message: "upstream's answer was cut", Status: status, Err: err}
}

// isGzip says whether the body that belongs to header is compressed.
func isGzip(header http.Header) bool {
	return strings.EqualFold(header.Get("Content-Encoding"), "gzip")
}
