package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// rawGRPC makes a call with an account that HTTP/2 clients refuse to send. It
// returns the code of the answer, or that the server reset the stream.
func rawGRPC(ctx context.Context, address, account string) (code codes.Code, reset bool, err error) {
	conn, err := rawDial(ctx, address)
	if err != nil {
		return 0, false, err
	}
	defer conn.Close() //nolint:errcheck // the answer is read
	request, err := rawRequest(address, account)
	if err != nil {
		return 0, false, err
	}
	if _, err := conn.Write(request); err != nil {
		return 0, false, fmt.Errorf("send: %w", err)
	}
	framer := http2.NewFramer(io.Discard, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return 0, false, fmt.Errorf("read answer: %w", err)
		}
		switch f := frame.(type) {
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return 0, true, nil
		case *http2.MetaHeadersFrame:
			for _, field := range f.RegularFields() {
				if field.Name != "grpc-status" {
					continue
				}
				n, err := strconv.ParseUint(field.Value, 10, 32)
				if err != nil {
					return 0, false, fmt.Errorf("read status: %w", err)
				}
				return codes.Code(n), false, nil
			}
			if f.StreamEnded() {
				return 0, false, errors.New("the answer has no status")
			}
		}
	}
}

// rawRequest is everything that a client sends for one call.
func rawRequest(address, account string) ([]byte, error) {
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	fields := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: amogatev1.CustomerService_ListCustomersPage_FullMethodName},
		{Name: ":authority", Value: address},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
		{Name: "amogate-account", Value: account},
	} {
		if err := fields.WriteField(field); err != nil {
			return nil, fmt.Errorf("encode header: %w", err)
		}
	}
	message, err := proto.Marshal(&amogatev1.ListCustomersPageRequest{PageSize: 1})
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	// A message has a byte for compression and its length in four before it.
	data := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // a few bytes
	framer := http2.NewFramer(&out, nil)
	if err := errors.Join(
		framer.WriteSettings(),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
		framer.WriteData(1, true, append(data, message...)),
	); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return out.Bytes(), nil
}
