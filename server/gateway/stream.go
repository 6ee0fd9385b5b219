package gateway

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// acceptedKey is header metadata by which the server says that it has accepted
// a list: the request is valid, the account is known, and the first page is
// about to be asked upstream. HTTP headers leave on it. The mere arrival of
// gRPC headers does not say so much: a refused call can have some too.
const acceptedKey = "amogate-accepted"

// callConn makes a connection fit for the calls of the gateway.
type callConn struct {
	grpc.ClientConnInterface
}

// sizeOption lifts gRPC's limit of 4 MiB for answers: the server is this
// process, and a page of large customers may have more.
func sizeOption() grpc.CallOption { return grpc.MaxCallRecvMsgSize(math.MaxInt32) }

// Invoke implements [grpc.ClientConnInterface].
func (c callConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if err := setRequestID(callOf(ctx), args); err != nil {
		return err
	}
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, append(opts, sizeOption())...)
}

// NewStream implements [grpc.ClientConnInterface].
func (c callConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := c.ClientConnInterface.NewStream(ctx, desc, method, append(opts, sizeOption())...)
	if err != nil {
		return nil, err
	}
	return &acceptedStream{ClientStream: s, method: method}, nil
}

// acceptedStream is a stream whose Header waits until it is known whether the
// server accepts the call. It is used by one goroutine.
type acceptedStream struct {
	grpc.ClientStream

	method string
	// first is the first message, when Header had to read it.
	first proto.Message
	// ended is set when Header found the stream at its end.
	ended bool
}

// Header returns the header metadata once the server has accepted the call or
// sent a message, and the error of the call when it was refused.
func (s *acceptedStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	if err != nil || len(md.Get(acceptedKey)) > 0 {
		return md, err
	}
	first, err := newOutput(s.method)
	if err != nil {
		return md, err
	}
	err = s.ClientStream.RecvMsg(first)
	switch {
	case err == nil:
		s.first = first
	case errors.Is(err, io.EOF):
		s.ended = true
	default:
		return md, err
	}
	return md, nil
}

// RecvMsg implements [grpc.ClientStream].
func (s *acceptedStream) RecvMsg(m any) error {
	if s.ended {
		return io.EOF
	}
	if s.first == nil {
		return s.ClientStream.RecvMsg(m)
	}
	msg, ok := m.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "receive %s: %T is no message", s.method, m)
	}
	proto.Merge(msg, s.first)
	s.first = nil
	return nil
}

// newOutput makes an empty answer of a method ("/package.Service/Method").
func newOutput(method string) (proto.Message, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "find %s: %v", method, err)
	}
	md, ok := d.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, status.Errorf(codes.Internal, "find %s: not a method", method)
	}
	t, err := protoregistry.GlobalTypes.FindMessageByName(md.Output().FullName())
	if err != nil {
		return nil, status.Errorf(codes.Internal, "find answer of %s: %v", method, err)
	}
	return t.New().Interface(), nil
}

// startStream sends the headers of a list off, before its first row. The
// runtime calls it without a message once per stream, after Header.
func startStream(_ context.Context, w http.ResponseWriter, msg proto.Message) error {
	if msg != nil {
		return nil
	}
	w.Header().Set("Content-Type", ndjsonType)
	return http.NewResponseController(w).Flush()
}
