package server

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/randomproto"
)

// answerTypes are the messages of the API that the server writes.
func answerTypes() []protoreflect.MessageType {
	var types []protoreflect.MessageType
	protoregistry.GlobalTypes.RangeMessages(func(mt protoreflect.MessageType) bool {
		md := mt.Descriptor()
		if md.ParentFile().Package() == "amogate.v1" && !strings.HasSuffix(string(md.Name()), "Request") {
			types = append(types, mt)
		}
		return true
	})
	return types
}

// written is a message as the codec writes it.
func written(tb rapid.TB, m proto.Message) []byte {
	tb.Helper()
	data, err := newCodec().Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	defer data.Free()
	return data.Materialize()
}

func TestCodec_writesWhatTheLibraryReads(t *testing.T) {
	types := answerTypes()
	if len(types) < 80 {
		t.Fatalf("only %d types were found", len(types))
	}
	for _, mt := range types {
		t.Run(string(mt.Descriptor().Name()), func(t *testing.T) {
			if _, ok := mt.New().Interface().(marshaler); !ok {
				t.Error("the message has no marshaler of its own")
			}
			rapid.Check(t, func(t *rapid.T) {
				m := mt.New()
				randomproto.Fill(t, m, 4)
				want, err := proto.Marshal(m.Interface())
				if err != nil {
					return // a string is not UTF-8
				}
				got, same := mt.New().Interface(), mt.New().Interface()
				if err := proto.Unmarshal(written(t, m.Interface()), got); err != nil {
					t.Fatal(err)
				}
				if err := proto.Unmarshal(want, same); err != nil {
					t.Fatal(err)
				}
				if !proto.Equal(got, same) {
					t.Errorf("got %v, want %v", got, same)
				}
			})
		})
	}
}

// Large messages come from a pool of buffers, and messages of others from the
// library.
func TestCodec_writesEverySize(t *testing.T) {
	for _, m := range []proto.Message{
		&amogatev1.Customer{},
		&amogatev1.Customer{Name: string(make([]byte, 100_000))},
		wrapperspb.String("health, reflection"),
	} {
		got := m.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(written(t, m), got); err != nil || !proto.Equal(got, m) {
			t.Errorf("%T: got something else, error %v", m, err)
		}
	}
}

// Fields of a later version of the API pass.
func TestCodec_keepsUnknownFields(t *testing.T) {
	m := &amogatev1.Customer{Id: 1}
	m.ProtoReflect().SetUnknown([]byte{0xf8, 0x7f, 0x05})
	got := &amogatev1.Customer{}
	if err := proto.Unmarshal(written(t, m), got); err != nil || !proto.Equal(got, m) {
		t.Errorf("got %v, error %v, want %v", got, err, m)
	}
}

// watched is an answer that notes when its generated marshaler writes it.
type watched struct {
	*amogatev1.Customer
	written *atomic.Bool
}

func (w watched) MarshalToSizedBufferVT(buf []byte) (int, error) {
	w.written.Store(true)
	return w.Customer.MarshalToSizedBufferVT(buf)
}

func TestServer_writesAnswersByTheCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Bool
		answer := func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return watched{&amogatev1.Customer{Id: 7}, &written}, nil
		}
		r := newRig(t, upstream{}, Config{Unary: []grpc.UnaryServerInterceptor{answer}})
		got, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 7})
		if err != nil || got.GetId() != 7 {
			t.Fatalf("GetCustomer = %v, %v", got, err)
		}
		if !written.Load() {
			t.Error("the answer was written by reflection")
		}
	})
}
