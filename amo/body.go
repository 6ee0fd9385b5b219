package amo

import (
	"io"
	"slices"
	"sync"
)

// maxBody is the most bytes of an answer after decompression.
const maxBody = 32 << 20

// chunkBytes is the size of the pieces in which bodies are read.
const chunkBytes = 64 << 10

// chunks are pieces that are not in use. A body that is too large leaves nothing
// behind but these, and the next one is read into them.
var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

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
			read = append(read, chunks.Get().(*[chunkBytes]byte)) //nolint:errcheck,forcetypeassert // the pool holds nothing else
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
