package inprocess

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// transport carries the metadata of an answer. To the handler it is a
// [grpc.ServerTransportStream].
type transport struct {
	method string
	// sent is closed when the header can be read.
	sent chan struct{}

	mu       sync.Mutex
	isSent   bool
	first    metadata.MD
	trailing metadata.MD
}

var _ grpc.ServerTransportStream = (*transport)(nil)

// Method implements [grpc.ServerTransportStream].
func (t *transport) Method() string { return t.method }

// SetHeader implements [grpc.ServerTransportStream].
func (t *transport) SetHeader(md metadata.MD) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isSent {
		return status.Error(codes.Internal, "the header was sent before")
	}
	t.first = metadata.Join(t.first, md)
	return nil
}

// SendHeader implements [grpc.ServerTransportStream].
func (t *transport) SendHeader(md metadata.MD) error {
	if err := t.SetHeader(md); err != nil {
		return err
	}
	t.send()
	return nil
}

// SetTrailer implements [grpc.ServerTransportStream].
func (t *transport) SetTrailer(md metadata.MD) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trailing = metadata.Join(t.trailing, md)
	return nil
}

// send lets the header be read; once is enough.
func (t *transport) send() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isSent {
		t.isSent = true
		close(t.sent)
	}
}

// header returns what there is of the header.
func (t *transport) header() metadata.MD {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first.Copy()
}

// trailer returns what there is of the trailer.
func (t *transport) trailer() metadata.MD {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trailing.Copy()
}
