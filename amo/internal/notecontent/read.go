package notecontent

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Source is where upstream has the content of a note.
type Source struct {
	// Params is the object of parameters; upstream writes [] for none.
	Params jsontext.Value
	// Text stands beside them on API v2: for most types it is all there is, for
	// some of old accounts it is the object as JSON.
	Text jsontext.Value
	// Attachment stands beside them on API v2.
	Attachment jsontext.Value
}

// Keys of what stands beside the parameters.
const (
	keyText       = "text"
	keyAttachment = "attachment"
)

// Read sets the content of note, whose type is set, and its other_params. What
// holds nothing that the arm of the type has a field for becomes raw. The error
// is a *driver.Error.
func Read(note *amogatev1.Note, source Source) error {
	err := read(note, source)
	if e := (*driver.Error)(nil); err == nil || errors.As(err, &e) {
		return err
	}
	return &driver.Error{Kind: driver.KindBadResponse, Message: "upstream's answer cannot be understood", Err: err}
}

func read(note *amogatev1.Note, source Source) error {
	arm := driver.NoteArm(note.GetType())
	members, isObject := readMembers(source.Params)
	if arm != keyText && len(members) == 0 {
		if inText, ok := readText(source.Text); ok {
			members, isObject, source.Text = inText, true, nil
		}
	}
	beside := besides(source)
	if !isObject && !wire.IsEmpty(source.Params) {
		raw, err := wire.Value(source.Params)
		if err != nil {
			return err
		}
		note.Content = &amogatev1.Note_Raw{Raw: raw}
		note.OtherParams, _, err = newStruct(beside)
		return err
	}
	p := &params{members: withBeside(arm, members, beside)}
	whole := slices.Clone(p.members)
	if readArm := arms[arm]; readArm != nil {
		readArm(p, note)
	}
	var err error
	if p.set {
		note.OtherParams, err = p.rest()
		return err
	}
	if !slices.ContainsFunc(whole, func(m param) bool { return m.value.Kind() != jsontext.KindNull }) {
		note.Content = nil
		return nil
	}
	var raw *structpb.Struct
	raw, note.OtherParams, err = newStruct(whole)
	note.Content = &amogatev1.Note_Raw{Raw: structpb.NewStructValue(raw)}
	return err
}

// readText reads the object of parameters as JSON in a text.
func readText(raw jsontext.Value) ([]param, bool) {
	text, ok := decodeText(raw)
	if !ok || !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return nil, false
	}
	inText := jsontext.Value(strings.TrimSpace(text))
	if !inText.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, false
	}
	members, ok := readMembers(inText)
	return members, ok && len(members) > 0
}

// besides are what stands beside the parameters, as members of them.
func besides(source Source) []param {
	var beside []param
	for _, m := range []param{{keyText, source.Text}, {keyAttachment, source.Attachment}} {
		isNumber := len(m.value) > 0 && m.value.Kind() == jsontext.KindNumber
		if isNumber || !wire.IsEmpty(m.value) {
			beside = append(beside, m)
		}
	}
	return beside
}

// withBeside joins members with what stands beside them. The text of a text is
// the one beside, that of other content the one in the parameters. What says the
// same twice is said once.
func withBeside(arm string, members, beside []param) []param {
	for _, m := range beside {
		same := slices.ContainsFunc(members, func(other param) bool {
			return strings.EqualFold(other.name, m.name) && equalText(other.value, m.value)
		})
		switch {
		case same:
		case arm == keyText:
			members = slices.Insert(members, 0, m)
		default:
			members = append(members, m)
		}
	}
	return members
}

func equalText(a, b jsontext.Value) bool {
	textA, okA := decodeText(a)
	textB, okB := decodeText(b)
	return okA && okB && textA == textB
}
