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

// fill sets random fields of a message, among them values that have no JSON.
func fill(t *rapid.T, m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		isMessage := fd.Message() != nil
		if isMessage && depth == 0 || rapid.IntRange(0, 2).Draw(t, "skip") == 0 {
			continue
		}
		switch {
		case fd.IsMap():
			// Only those of Struct, which protojson writes either way.
		case fd.IsList():
			list := m.Mutable(fd).List()
			for range rapid.IntRange(0, 3).Draw(t, "length") {
				if isMessage {
					fill(t, list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(scalar(t, fd))
				}
			}
		case isMessage:
			fill(t, m.Mutable(fd).Message(), depth-1)
		default:
			m.Set(fd, scalar(t, fd))
		}
	}
}

// scalar draws a value for a field that is no message.
func scalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.StringKind:
		if rapid.IntRange(0, 50).Draw(t, "broken") == 0 {
			return protoreflect.ValueOfString("a\xff")
		}
		return protoreflect.ValueOfString(rapid.String().Draw(t, "string"))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "int32"))
	case protoreflect.Int64Kind:
		// Small ones make seconds that are in range.
		return protoreflect.ValueOfInt64(rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 1<<33)).Draw(t, "int64"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)})).Draw(t, "double"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.Int32Range(-1, int32(fd.Enum().Values().Len())+1).Draw(t, "enum")))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	default:
		t.Fatalf("%s: draw a value of kind %v", fd.FullName(), fd.Kind())
		panic("unreachable")
	}
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
				fill(t, m, 4)
				if diff := differ(m.Interface()); diff != "" {
					t.Errorf("%v (-want +got):\n%s", m, diff)
				}
			})
		})
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
		fill(t, m, 4)
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
