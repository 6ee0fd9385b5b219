package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/server/gateway/internal/answerjson"
)

const (
	jsonType = "application/json"
	// ndjsonType is a list: one object a line, ended by a line feed.
	ndjsonType = "application/x-ndjson"
	// rowBytes is the size that most rows of lists do not exceed.
	rowBytes = 2 << 10
)

// marshaler is the one codec of the gateway, whatever Accept and Content-Type
// say.
type marshaler struct {
	// base decodes what is no message by itself. Unknown fields are errors.
	base *runtime.JSONPb
	// masks finds the update masks in requests.
	masks maskedTypes
}

var (
	_ runtime.Marshaler         = (*marshaler)(nil)
	_ runtime.Delimited         = (*marshaler)(nil)
	_ runtime.StreamContentType = (*marshaler)(nil)
)

func newMarshaler(all bindings) *marshaler {
	m := &marshaler{base: &runtime.JSONPb{}, masks: maskedTypes{}}
	for _, b := range all {
		m.masks.add(b.input.Descriptor())
	}
	return m
}

// ContentType implements [runtime.Marshaler].
func (*marshaler) ContentType(v any) string {
	if _, ok := v.(map[string]proto.Message); ok {
		return ndjsonType
	}
	return jsonType
}

// StreamContentType implements [runtime.StreamContentType].
func (*marshaler) StreamContentType(any) string { return ndjsonType }

// Delimiter implements [runtime.Delimited].
func (*marshaler) Delimiter() []byte { return []byte("\n") }

// Marshal implements [runtime.Marshaler]. The runtime hands over the answer of
// a call as a message, a row of a stream as {"result": message} and the error
// that ends a stream as {"error": google.rpc.Status}.
func (*marshaler) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case proto.Message:
		return answerjson.Append(nil, v)
	case map[string]any:
		if row, ok := v["result"].(proto.Message); ok {
			return answerjson.Append(make([]byte, 0, rowBytes), row)
		}
	case map[string]proto.Message:
		if st, ok := v["error"].(*spb.Status); ok {
			return errorJSON(status.FromProto(st)), nil
		}
	}
	return nil, fmt.Errorf("marshal %T: not an answer of the API", v)
}

// NewEncoder implements [runtime.Marshaler].
func (m *marshaler) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := m.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
}

// Unmarshal implements [runtime.Marshaler]. It takes exactly one JSON value.
func (m *marshaler) Unmarshal(data []byte, v any) error {
	if !json.Valid(data) {
		return errors.New("body is not one JSON value")
	}
	msg, ok := v.(proto.Message)
	if !ok {
		return m.base.Unmarshal(data, v)
	}
	return m.masks.unmarshal(data, msg)
}

// NewDecoder implements [runtime.Marshaler]. An empty body is io.EOF, which the
// runtime takes as "nothing given".
func (m *marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		switch {
		case err != nil:
			return err
		case isBlank(data):
			return io.EOF
		default:
			return m.Unmarshal(data, v)
		}
	})
}
