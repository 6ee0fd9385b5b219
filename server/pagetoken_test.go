package server

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo"
	implv1 "github.com/amogate/amogate/gen/amogate/impl/v1"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var somewhere = amo.Cursor{Generation: amo.V2, Offset: 1234, LastID: 466791}

func TestTokens_comeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	tokens := mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{Query: "roses"})
	for _, cursor := range []amo.Cursor{
		somewhere,
		{Generation: amo.V4, Offset: 1, LastID: 1},
		{Generation: amo.V4, Offset: 7, LastID: 3, Kind: 12},
		{Generation: amo.V4, Offset: 7, LastID: 3, Signpost: 1750000000},
		{Generation: amo.V4, Window: amo.WindowPosition{Signpost: 1750000000}},
		{Generation: amo.V4, Window: amo.WindowPosition{Signpost: 1750000000, Second: 1749999999, ID: 5, Tail: true}},
		{Generation: amo.V2},
		{Generation: amo.V2, Offset: 1<<63 - 1, LastID: 1<<63 - 1, Kind: 1<<31 - 1},
	} {
		token, err := tokens.encode(cursor)
		if err != nil {
			t.Fatal(err)
		}
		if len(token) > 512 {
			t.Errorf("token of %+v has %d bytes, more than the API accepts", cursor, len(token))
		}
		got, err := tokens.decode(token)
		if err != nil || got != cursor {
			t.Errorf("decode(%q) = %+v, %v; want %+v", token, got, err, cursor)
		}
	}
}

func TestTokens_emptyIsTheStart(t *testing.T) {
	t.Parallel()
	got, err := mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{}).decode("")
	if err != nil || got != (amo.Cursor{}) {
		t.Errorf("decode(\"\") = %+v, %v; want the zero cursor", got, err)
	}
}

// A token in the hands of a caller outlives releases: this one must stay valid
// as long as tokenVersion does.
func TestTokens_layoutIsFixed(t *testing.T) {
	t.Parallel()
	tokens := mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{
		Ids:        []int64{3, 1, 2},
		CreateTime: &amogatev1.TimeRange{StartTime: timestamppb.New(timestamp(1546300800))},
	})
	const want = "c0dT0AgBEAIZ9C-hW16UyDAg0gko574c"
	token, err := tokens.encode(somewhere)
	if err != nil || token != want {
		t.Errorf("encode = %q, %v; want %q", token, err, want)
	}
}

func TestTokens_everyChangedByteIsRefused(t *testing.T) {
	t.Parallel()
	tokens := mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{})
	token, err := tokens.encode(somewhere)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(token) {
		for b := range 256 {
			if byte(b) == token[i] {
				continue
			}
			changed := []byte(token)
			changed[i] = byte(b)
			if got, err := tokens.decode(string(changed)); err == nil {
				t.Fatalf("byte %d changed to %q: accepted as %+v", i, changed[i], got)
			}
		}
		if i > 0 {
			if _, err := tokens.decode(token[:i]); err == nil {
				t.Fatalf("cut after %d bytes: accepted", i)
			}
		}
	}
	for _, wrong := range []string{token + "=", token + "A", token + "\n", " " + token, token + token} {
		if _, err := tokens.decode(wrong); err == nil {
			t.Errorf("%q: accepted", wrong)
		}
	}
}

func TestTokens_ofAnotherListAreRefused(t *testing.T) {
	t.Parallel()
	filter := &amogatev1.CustomerFilter{Ids: []int64{1, 2}, Query: "roses"}
	token, err := mustTokens(t, "shop", "customers", filter).encode(somewhere)
	if err != nil {
		t.Fatal(err)
	}
	for name, tokens := range map[string]tokens{
		"account":            mustTokens(t, "shops", "customers", filter),
		"collection":         mustTokens(t, "shop", "transactions", filter),
		"no filter":          mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{}),
		"more ids":           mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{Ids: []int64{1, 2, 3}, Query: "roses"}),
		"shifted boundaries": mustTokens(t, "shopc", "ustomers", filter),
		"other query":        mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{Ids: []int64{1, 2}, Query: "Roses"}),
	} {
		_, err := tokens.decode(token)
		f, ok := errors.AsType[*fault](err)
		if !ok || f.reason != amogatev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID {
			t.Errorf("%s: got %v, want PAGE_TOKEN_INVALID", name, err)
			continue
		}
		if len(f.fields) != 1 || f.fields[0].GetField() != "page_token" {
			t.Errorf("%s: violations %v, want one of page_token", name, f.fields)
		}
	}
}

func TestTokens_doNotDependOnTheSpellingOfAFilter(t *testing.T) {
	t.Parallel()
	hash := func(f *amogatev1.CustomerFilter) uint64 { return mustTokens(t, "shop", "customers", f).hash }
	a := hash(&amogatev1.CustomerFilter{Ids: []int64{10, 9, 2, 9}, ResponsibleUserIds: []int64{7, 3, 7}})
	b := hash(&amogatev1.CustomerFilter{Ids: []int64{2, 9, 10}, ResponsibleUserIds: []int64{3, 7}})
	if a != b {
		t.Error("order and doubles of ids change the hash")
	}
	if hash(nil) != hash(&amogatev1.CustomerFilter{}) || hash(nil) != hash(&amogatev1.CustomerFilter{CreateTime: &amogatev1.TimeRange{}}) {
		t.Error("an empty filter and none have different hashes")
	}
}

func TestListError_aTokenOfAGenerationOutOfUseIsInvalid(t *testing.T) {
	t.Parallel()
	a := answerOf(t.Context(), listError(&amo.Error{Kind: amo.KindCursor, Message: "begun over the upstream API v2"}))
	if a.status.Code() != codes.InvalidArgument || a.reason != amogatev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID {
		t.Errorf("%v with the reason %v", a.status.Err(), a.reason)
	}
}

// Every field of a filter has to bind the token, those to come included.
func TestTokens_dependOnEveryFieldOfAFilter(t *testing.T) {
	t.Parallel()
	hashes := map[uint64]string{mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{}).hash: "none"}
	note := func(name string, f proto.Message) {
		h := mustTokens(t, "shop", "customers", f).hash
		if other, ok := hashes[h]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		hashes[h] = name
	}
	fields := (&amogatev1.CustomerFilter{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		m := (&amogatev1.CustomerFilter{}).ProtoReflect()
		switch {
		case field.IsList():
			m.Mutable(field).List().Append(protoreflect.ValueOfInt64(5))
			note(string(field.Name()), m.Interface())
			m.Mutable(field).List().Append(protoreflect.ValueOfInt64(6))
			note(string(field.Name())+" of two", m.Interface())
		case field.Kind() == protoreflect.StringKind:
			m.Set(field, protoreflect.ValueOfString("5"))
			note(string(field.Name()), m.Interface())
		default:
			for _, end := range []protoreflect.Name{"start_time", "end_time"} {
				m := (&amogatev1.CustomerFilter{}).ProtoReflect()
				r := m.Mutable(field).Message()
				r.Set(r.Descriptor().Fields().ByName(end), protoreflect.ValueOfMessage(timestamppb.New(timestamp(5)).ProtoReflect()))
				note(string(field.Name())+"."+string(end), m.Interface())
				r.Set(r.Descriptor().Fields().ByName(end), protoreflect.ValueOfMessage((&timestamppb.Timestamp{Seconds: 5, Nanos: 1}).ProtoReflect()))
				note(string(field.Name())+"."+string(end)+" with nanos", m.Interface())
			}
		}
	}
}

func TestTokens_aFilterFieldThatCannotBeDescribedIsAnError(t *testing.T) {
	t.Parallel()
	// A link has a double; leaving it out would let tokens fit any value.
	if _, err := tokensFor("shop", "customers", &amogatev1.CatalogElementLink{Quantity: 1}); err == nil {
		t.Error("no error")
	}
}

func TestDecodeToken_refusesWhatItWouldNotWrite(t *testing.T) {
	t.Parallel()
	good := &implv1.PageToken{Version: 1, Generation: 2, RequestHash: 7, Offset: 3, LastId: 4}
	raw, err := proto.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeToken(seal(raw)); err != nil {
		t.Fatalf("good token: %v", err)
	}
	with := func(change func(*implv1.PageToken)) []byte {
		msg, _ := proto.Clone(good).(*implv1.PageToken)
		change(msg)
		raw, err := proto.Marshal(msg)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, raw := range map[string][]byte{
		"negative offset":    with(func(m *implv1.PageToken) { m.Offset = -1 }),
		"negative last id":   with(func(m *implv1.PageToken) { m.LastId = -1 }),
		"negative kind":      with(func(m *implv1.PageToken) { m.Kind = -1 }),
		"other version":      with(func(m *implv1.PageToken) { m.Version = 2 }),
		"no version":         with(func(m *implv1.PageToken) { m.Version = 0 }),
		"no generation":      with(func(m *implv1.PageToken) { m.Generation = 0 }),
		"unknown generation": with(func(m *implv1.PageToken) { m.Generation = 3 }),
		"unknown field":      protowire.AppendVarint(protowire.AppendTag(slices.Clip(raw), 15, protowire.VarintType), 1),
		"field twice":        protowire.AppendVarint(protowire.AppendTag(slices.Clip(raw), 1, protowire.VarintType), 1),
		"cut message":        raw[:len(raw)-1],
		"nothing":            nil,
	} {
		if got, err := decodeToken(seal(raw)); err == nil {
			t.Errorf("%s: accepted as %v", name, got)
		}
	}
	if _, err := decodeToken("AAA"); err == nil {
		t.Error("shorter than its checksum: accepted")
	}
}

func FuzzDecodeToken(f *testing.F) {
	for _, msg := range []*implv1.PageToken{
		{Version: 1, Generation: 2, RequestHash: 7, Offset: 3, LastId: 4},
		{Version: 1, Generation: 4, RequestHash: 7, Offset: 3, LastId: 4, Kind: 2, Signpost: 5},
		{Version: 1, Generation: 4, RequestHash: 7, Window: &implv1.WindowPosition{Signpost: 5, Second: 4, Id: 3, Tail: true}},
	} {
		raw, err := proto.Marshal(msg)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seal(raw))
		f.Add(string(raw))
	}
	f.Add("")
	f.Add("AAAA")
	f.Add(seal([]byte{0x08}))
	f.Fuzz(func(t *testing.T, token string) {
		// The checksum would stop almost everything: try the bytes inside too.
		for _, s := range []string{token, seal([]byte(token))} {
			msg, err := decodeToken(s)
			if err != nil {
				continue
			}
			again, err := encodeToken(msg)
			if err != nil || again != s {
				t.Errorf("decodeToken(%q) = %v, which is written as %q, %v", s, msg, again, err)
			}
			window := msg.GetWindow()
			if min(msg.GetOffset(), msg.GetLastId(), msg.GetSignpost(), int64(msg.GetKind())) < 0 ||
				min(window.GetSignpost(), window.GetSecond(), window.GetId()) < 0 || window != nil && window.GetSignpost() == 0 {
				t.Errorf("decodeToken(%q) = %v", s, msg)
			}
		}
	})
}

// seal writes raw as a token with the right checksum.
func seal(raw []byte) string {
	return encoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, crc32.Checksum(raw, castagnoli)), raw...))
}

func mustTokens(t *testing.T, account, collection string, filter proto.Message) tokens {
	t.Helper()
	tokens, err := tokensFor(account, collection, filter)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// A position by windows is a whole of its own.
func TestDecodeToken_refusesPositionsThatContradictThemselves(t *testing.T) {
	t.Parallel()
	tokens := mustTokens(t, "shop", "customers", &amogatev1.CustomerFilter{})
	window := func(w *implv1.WindowPosition) *implv1.PageToken {
		return &implv1.PageToken{Version: tokenVersion, Generation: implv1.Generation_GENERATION_V4, RequestHash: tokens.hash, Window: w}
	}
	sound := window(&implv1.WindowPosition{Signpost: 10, Second: 5, Id: 1})
	mixed := window(&implv1.WindowPosition{Signpost: 10, Second: 5, Id: 1})
	mixed.Offset = 3
	for name, msg := range map[string]*implv1.PageToken{
		"no signpost":       window(&implv1.WindowPosition{Second: 5}),
		"negative signpost": window(&implv1.WindowPosition{Signpost: -1, Second: 5}),
		"negative second":   window(&implv1.WindowPosition{Signpost: 10, Second: -5}),
		"negative id":       window(&implv1.WindowPosition{Signpost: 10, Second: 5, Id: -1}),
		"two positions":     mixed,
	} {
		token, err := encodeToken(msg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tokens.decode(token); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
	token, err := encodeToken(sound)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.decode(token); err != nil {
		t.Error(err)
	}
}
