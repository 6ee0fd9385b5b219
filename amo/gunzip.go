package amo

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/amogate/amogate/amo/internal/reuse"
)

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
	if size, ok := toldSize(packed); ok && size < largestReused {
		body, err = fill(bodyRoom(size+1), r) // the end is seen behind the last byte
		switch {
		case err == nil:
			// There is more than it tells.
			reuseBody(body)
			if err := r.Reset(bytes.NewReader(packed)); err != nil {
				return nil, false, err
			}
		case !errors.Is(err, io.EOF):
			return nil, false, err
		case len(body) > limit:
			return nil, true, nil
		case len(body) == 0:
			return nil, false, nil
		default:
			return body, false, nil
		}
	}
	return readBody(r, limit)
}

// fill reads to the end, which is an io.EOF, or until there is no more room.
func fill(room []byte, r io.Reader) ([]byte, error) {
	for len(room) < cap(room) {
		n, err := r.Read(room[len(room):cap(room)])
		room = room[:len(room)+n]
		if err != nil {
			return room, err
		}
	}
	return room, nil
}

// mostPacked is how many times smaller than its content deflated data can be.
const mostPacked = 1032

// toldSize is the size in bytes that packed tells of its content, modulo 2³² and,
// of several parts, for the last one. That of an answer that was cut is anything: it
// says false where there cannot be so much.
func toldSize(packed []byte) (int, bool) {
	const field = 4
	if len(packed) < field {
		return 0, false
	}
	told := int64(binary.LittleEndian.Uint32(packed[len(packed)-field:]))
	return int(told), told <= mostPacked*int64(len(packed))
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
