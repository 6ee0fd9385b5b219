package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo"
	implv1 "github.com/amogate/amogate/gen/amogate/impl/v1"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// pageTokenField is the path of the token in list requests.
const pageTokenField = "page_token"

// tokenVersion is the layout of page tokens and of the request's description.
const tokenVersion = 1

// checksumBytes is the length of the CRC-32C that precedes the message in a
// token. It catches damage, not forgery: a token gives no right that its caller
// does not have anyway.
const checksumBytes = 4

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// encoding refuses padding and, by Strict, stray bits behind the last byte.
	encoding = base64.RawURLEncoding.Strict()
)

// tokens makes and reads the page tokens of one list.
type tokens struct {
	// hash binds a token to its account, collection and filter.
	hash uint64
}

// tokensFor returns the tokens of the list of a collection with this filter.
func tokensFor(account, collection string, filter proto.Message) (tokens, error) {
	description := binary.AppendUvarint(nil, tokenVersion)
	description = appendText(description, account)
	description = appendText(description, collection)
	description, err := appendFilter(description, "", filter.ProtoReflect())
	if err != nil {
		return tokens{}, err
	}
	sum := sha256.Sum256(description)
	return tokens{hash: binary.BigEndian.Uint64(sum[:8])}, nil
}

// encode returns the token of a position.
func (t tokens) encode(cursor amo.Cursor) (string, error) {
	msg := &implv1.PageToken{
		Version:     tokenVersion,
		Generation:  implv1.Generation(cursor.Generation), //nolint:gosec // 2 or 4
		RequestHash: t.hash,
		Offset:      cursor.Offset,
		LastId:      cursor.LastID,
		Kind:        cursor.Kind,
		Signpost:    cursor.Signpost,
	}
	if window := cursor.Window; window.Signpost > 0 {
		msg.Window = &implv1.WindowPosition{Signpost: window.Signpost, Second: window.Second, Id: window.ID, Tail: window.Tail}
	}
	return encodeToken(msg)
}

// decode returns the position of a token; the empty token is the start.
func (t tokens) decode(token string) (amo.Cursor, error) {
	if token == "" {
		return amo.Cursor{}, nil
	}
	msg, err := decodeToken(token)
	if err == nil && msg.GetRequestHash() != t.hash {
		err = errors.New("token of another account, collection or filter")
	}
	if err != nil {
		return amo.Cursor{}, invalidToken("is damaged, or belongs to another account, collection or filter; start the list without it", err)
	}
	return amo.Cursor{
		Generation: amo.Generation(msg.GetGeneration()),
		Offset:     msg.GetOffset(),
		LastID:     msg.GetLastId(),
		Kind:       msg.GetKind(),
		Signpost:   msg.GetSignpost(),
		Window: amo.WindowPosition{
			Signpost: msg.GetWindow().GetSignpost(),
			Second:   msg.GetWindow().GetSecond(),
			ID:       msg.GetWindow().GetId(),
			Tail:     msg.GetWindow().GetTail(),
		},
	}, nil
}

// invalidToken refuses the page token of a request.
func invalidToken(description string, err error) *fault {
	return &fault{
		reason:  amogatev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID,
		message: pageTokenField + " " + description,
		fields:  []*violation{refuse(pageTokenField, "%s", description)},
		err:     err,
	}
}

// listError returns the error of a list as its caller is told. A token whose
// generation is out of use, or whose position there cannot be, shows only when the
// list goes on.
func listError(err error) error {
	if amo.IsKind(err, amo.KindCursor) {
		return invalidToken("belongs to a list over a generation of the upstream API that is not in use, or to a time that has not come; start the list without it", err)
	}
	return at("filter", err)
}

// encodeToken returns the string of a token.
func encodeToken(msg *implv1.PageToken) (string, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(make([]byte, checksumBytes), msg)
	if err != nil {
		return "", fmt.Errorf("encode page token: %w", err)
	}
	binary.BigEndian.PutUint32(raw, crc32.Checksum(raw[checksumBytes:], castagnoli))
	return encoding.EncodeToString(raw), nil
}

// decodeToken returns the message of a token that encodeToken could have made.
func decodeToken(token string) (*implv1.PageToken, error) {
	raw, err := encoding.DecodeString(token)
	if err != nil {
		return nil, fmt.Errorf("decode page token: %w", err)
	}
	if len(raw) < checksumBytes {
		return nil, errors.New("page token is too short")
	}
	if crc32.Checksum(raw[checksumBytes:], castagnoli) != binary.BigEndian.Uint32(raw) {
		return nil, errors.New("page token has a wrong checksum")
	}
	msg := &implv1.PageToken{}
	// Unknown fields are dropped, so that the comparison below refuses them.
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw[checksumBytes:], msg); err != nil {
		return nil, fmt.Errorf("decode page token: %w", err)
	}
	again, err := encodeToken(msg)
	if err != nil {
		return nil, err
	}
	switch {
	case again != token:
		return nil, errors.New("page token is not canonical")
	case msg.GetVersion() != tokenVersion:
		return nil, fmt.Errorf("page token has version %d", msg.GetVersion())
	case msg.GetGeneration() != implv1.Generation_GENERATION_V2 && msg.GetGeneration() != implv1.Generation_GENERATION_V4:
		return nil, fmt.Errorf("page token has generation %d", msg.GetGeneration())
	case msg.GetOffset() < 0 || msg.GetLastId() < 0 || msg.GetKind() < 0 || msg.GetSignpost() < 0:
		return nil, errors.New("page token has a negative position")
	}
	if window := msg.GetWindow(); window != nil {
		switch {
		case window.GetSignpost() < 1 || window.GetSecond() < 0 || window.GetId() < 0:
			return nil, errors.New("page token has a negative position")
		case msg.GetOffset() > 0 || msg.GetLastId() > 0 || msg.GetKind() > 0 || msg.GetSignpost() > 0:
			return nil, errors.New("page token has two positions")
		}
	}
	return msg, nil
}

// appendFilter appends a description of a filter: the path of each field that
// is set, in the order of the field numbers, and its values. Repeated fields of
// filters are sets: they are described in ascending order without doubles, so
// that their order in the request does not matter. An empty filter and none are
// the same.
//
// Proto bytes would not do: their form is not promised to stay, and tokens
// outlive a process.
func appendFilter(b []byte, path string, filter protoreflect.Message) ([]byte, error) {
	fields := filter.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !filter.Has(field) {
			continue
		}
		value, name := filter.Get(field), join(path, string(field.Name()))
		var err error
		switch {
		case field.IsMap():
			err = fmt.Errorf("describe filter: field %s is a map", name)
		case field.IsList():
			b, err = appendSet(b, name, field, value.List())
		case field.Kind() == protoreflect.MessageKind && field.Message().FullName() == timestampName:
			b = appendValues(b, name, timestampText(value.Message()))
		case field.Kind() == protoreflect.MessageKind:
			// A message that is set restricts by its fields alone.
			b, err = appendFilter(b, name, value.Message())
		default:
			var text string
			if text, err = scalarText(name, field, value); err == nil {
				b = appendValues(b, name, text)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendSet appends the values of a repeated field as a set.
func appendSet(b []byte, name string, field protoreflect.FieldDescriptor, list protoreflect.List) ([]byte, error) {
	values := make([]string, list.Len())
	for i := range values {
		text, err := scalarText(name, field, list.Get(i))
		if err != nil {
			return nil, err
		}
		values[i] = text
	}
	slices.Sort(values)
	return appendValues(b, name, slices.Compact(values)...), nil
}

// timestampName names the type that filters hold instants in.
const timestampName protoreflect.FullName = "google.protobuf.Timestamp"

// timestampText returns an instant as seconds.nanoseconds.
func timestampText(m protoreflect.Message) string {
	fields := m.Descriptor().Fields()
	seconds := m.Get(fields.ByName("seconds")).Int()
	nanos := m.Get(fields.ByName("nanos")).Int()
	return fmt.Sprintf("%d.%09d", seconds, nanos)
}

// scalarText returns a value as text; each type has one spelling of each value.
func scalarText(name string, field protoreflect.FieldDescriptor, value protoreflect.Value) (string, error) {
	switch v := value.Interface().(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int32, int64, uint32, uint64:
		return value.String(), nil
	case protoreflect.EnumNumber:
		return strconv.Itoa(int(v)), nil
	}
	return "", fmt.Errorf("describe filter: field %s has kind %s", name, field.Kind())
}

// appendValues appends a field: its name, the number of values, the values.
func appendValues(b []byte, name string, values ...string) []byte {
	b = appendText(b, name)
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, value := range values {
		b = appendText(b, value)
	}
	return b
}

// appendText appends a text behind its length.
func appendText(b []byte, text string) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}
