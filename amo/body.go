package amo

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/reuse"
)

// maxBody is the most bytes of an answer after decompression.
const maxBody = 32 << 20

// chunkBytes is the size of the pieces in which bodies are read.
const chunkBytes = 64 << 10

// chunks are pieces that are not in use.
var chunks reuse.Stack[[chunkBytes]byte]

func newChunk() *[chunkBytes]byte {
	if chunk := chunks.Get(); chunk != nil {
		return chunk
	}
	return new([chunkBytes]byte)
}

// readBody reads a body to its end, or to the first byte beyond limit: then the
// body is nil and tooLarge is true. While it is read it takes no more memory than
// it has bytes. A body without a byte is nil.
func readBody(r io.Reader, limit int) (body []byte, tooLarge bool, err error) {
	var read []*[chunkBytes]byte
	defer func() {
		for _, chunk := range read {
			chunks.Put(chunk)
		}
	}()
	size := 0
	for err == nil {
		if size > limit {
			return nil, true, nil
		}
		if size == len(read)*chunkBytes {
			read = append(read, newChunk())
		}
		var n int
		n, err = r.Read(read[len(read)-1][size%chunkBytes:])
		size += n
	}
	if err != io.EOF {
		return nil, false, err
	}
	if size > limit {
		return nil, true, nil
	}
	if size == 0 {
		return nil, false, nil
	}
	body = slices.Grow([]byte(nil), size)
	for _, chunk := range read {
		body = append(body, chunk[:min(chunkBytes, size-len(body))]...)
	}
	return body, false, nil
}

// largestReused is the most bytes of a body whose memory is used again: twice
// those of a usual page of 500 rows.
const largestReused = 4 << 20

// bodies are bodies of pages that nobody needs any more. Most of the memory that a
// list goes through would be theirs.
var bodies reuse.Stack[[]byte]

// bodyRoom returns room for a body of so many bytes.
func bodyRoom(size int) []byte {
	if size <= chunkBytes || size > largestReused {
		return make([]byte, 0, size)
	}
	if used := bodies.Get(); used != nil && cap(*used) >= size {
		return (*used)[:0]
	}
	// Pages differ a little: what is made for one is to do for the next.
	return make([]byte, 0, size+size/4)
}

// reuseBody gives the memory of a body, which is not used any more, to others.
func reuseBody(body []byte) {
	if room := cap(body); room > chunkBytes && room <= largestReused {
		bodies.Put(&body)
	}
}

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

// unpackers are gzip readers that are not in use: each has tables of 40 kB.
var unpackers sync.Pool

// gunzip unpacks a body of at most limit bytes, or to the first byte beyond: then
// the body is nil and tooLarge is true. A body without a byte is nil.
func gunzip(packed []byte, limit int) (body []byte, tooLarge bool, err error) {
	r, ok := unpackers.Get().(*gzip.Reader)
	if !ok {
		r = new(gzip.Reader)
	}
	defer unpackers.Put(r)
	if err := r.Reset(bytes.NewReader(packed)); err != nil {
		return nil, false, err
	}
	body = bodyRoom(min(toldSize(packed), limit) + 1) // the end is seen behind the last byte
	for err == nil {
		body = slices.Grow(body, 1)
		var n int
		n, err = r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if len(body) > limit {
			return nil, true, nil
		}
	}
	if err != io.EOF {
		return nil, false, err
	}
	if len(body) == 0 {
		return nil, false, nil
	}
	return body, false, nil
}

// mostPacked is how many times smaller than its content deflated data can be.
const mostPacked = 1032

// toldSize is the size in bytes that packed tells of its content, modulo 2³² and,
// of several parts, for the last: where it lies, no more than there could be.
func toldSize(packed []byte) int {
	const field = 4
	if len(packed) < field {
		return 0
	}
	told := int64(binary.LittleEndian.Uint32(packed[len(packed)-field:]))
	return int(min(told, mostPacked*int64(len(packed))))
}
