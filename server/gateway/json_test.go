package gateway

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/randomproto"
	"github.com/amogate/amogate/server/gateway/internal/answerjson"
)

// answerTypes are the messages that answers consist of, by name, without the
// well-known types.
func answerTypes(tb testing.TB) []protoreflect.MessageType {
	tb.Helper()
	found := map[protoreflect.FullName]protoreflect.MessageType{}
	var add func(protoreflect.MessageDescriptor)
	add = func(md protoreflect.MessageDescriptor) {
		if found[md.FullName()] != nil || md.ParentFile().Package() == "google.protobuf" {
			return
		}
		mt, err := protoregistry.GlobalTypes.FindMessageByName(md.FullName())
		if err != nil {
			tb.Fatal(err)
		}
		found[md.FullName()] = mt
		for i := range md.Fields().Len() {
			if m := md.Fields().Get(i).Message(); m != nil {
				add(m)
			}
		}
	}
	for _, b := range routes(tb) {
		add(newOutputOf(tb, b.rpc).ProtoReflect().Descriptor())
	}
	types := make([]protoreflect.MessageType, 0, len(found))
	for _, mt := range found {
		types = append(types, mt)
	}
	slices.SortFunc(types, func(a, b protoreflect.MessageType) int {
		return strings.Compare(string(a.Descriptor().FullName()), string(b.Descriptor().FullName()))
	})
	return types
}

// newOutputOf makes an empty answer of an RPC.
func newOutputOf(tb testing.TB, rpc protoreflect.FullName) proto.Message {
	tb.Helper()
	m, err := newOutput("/" + string(rpc.Parent()) + "/" + string(rpc.Name()))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// differ compares the two ways to write a message, after parsing. It returns
// "" when they agree.
func differ(m proto.Message) string {
	want, wantErr := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	got, err := answerjson.Append(nil, m)
	if err != nil || wantErr != nil {
		if (err == nil) != (wantErr == nil) {
			return cmp.Diff(wantErr, err, cmp.Transformer("text", func(err error) string { return err.Error() }))
		}
		return ""
	}
	if bytes.ContainsAny(got, "\n\r") {
		return "a line feed in a line"
	}
	var gotValue, wantValue any
	if err := json.Unmarshal(want, &wantValue); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(got, &gotValue); err != nil {
		return err.Error()
	}
	return cmp.Diff(wantValue, gotValue)
}

func TestAnswerJSON_equalsProtojson(t *testing.T) {
	for _, mt := range answerTypes(t) {
		t.Run(string(mt.Descriptor().FullName()), func(t *testing.T) {
			if diff := differ(mt.New().Interface()); diff != "" {
				t.Errorf("empty (-want +got):\n%s", diff)
			}
			if diff := differ(mt.Zero().Interface()); diff != "" {
				t.Errorf("nil (-want +got):\n%s", diff)
			}
			rapid.Check(t, func(t *rapid.T) {
				m := mt.New()
				randomproto.Fill(t, m, 4)
				if diff := differ(m.Interface()); diff != "" {
					t.Errorf("%v (-want +got):\n%s", m, diff)
				}
			})
		})
	}
}

// Random doubles are never -0.
func TestAnswerJSON_keepsNegativeZero(t *testing.T) {
	m := &amogatev1.CatalogElementLink{Quantity: math.Copysign(0, -1)}
	got, err := answerjson.Append(nil, m)
	if want := `"quantity":-0`; err != nil || !strings.Contains(string(got), want) {
		t.Errorf("got %s, error %v, want %s", got, err, want)
	}
	if diff := differ(m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What has a writer of its own needs no reflection, and so no memory.
func TestAnswerJSON_knowsEveryAnswer(t *testing.T) {
	types := answerTypes(t)
	if len(types) < 50 {
		t.Fatalf("only %d types were found", len(types))
	}
	buf := make([]byte, 0, 4<<10)
	for _, mt := range types {
		m := mt.New().Interface()
		if allocs := testing.AllocsPerRun(10, func() { _, _ = answerjson.Append(buf, m) }); allocs != 0 {
			t.Errorf("%s: %v allocations, want its own writer", mt.Descriptor().FullName(), allocs)
		}
	}
}

func TestAnswerJSON_leavesTheRestToProtojson(t *testing.T) {
	m := dynamicpb.NewMessage((&amogatev1.Tag{}).ProtoReflect().Descriptor())
	if diff := differ(m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// wireAnswer is the bytes of a message of the kind-th type.
type wireAnswer struct {
	kind uint16
	data []byte
}

// Answers as they come from a wire: any bytes that are a message.
func FuzzAnswerJSON(f *testing.F) {
	types := answerTypes(f)
	seeds := rapid.Custom(func(t *rapid.T) wireAnswer {
		kind := rapid.IntRange(0, len(types)-1).Draw(t, "kind")
		m := types[kind].New()
		randomproto.Fill(t, m, 4)
		data, _ := proto.Marshal(m.Interface()) // text that is not UTF-8 cannot be sent
		return wireAnswer{uint16(kind), data}
	})
	for i := range 2 * len(types) {
		seed := seeds.Example(i)
		f.Add(seed.kind, seed.data)
	}
	f.Fuzz(func(t *testing.T, kind uint16, data []byte) {
		m := types[int(kind)%len(types)].New().Interface()
		if proto.Unmarshal(data, m) != nil {
			return
		}
		if diff := differ(m); diff != "" {
			t.Errorf("%T %v (-want +got):\n%s", m, m, diff)
		}
	})
}
