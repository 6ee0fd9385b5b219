package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

type member struct{ Name, Value string }

// membersOf returns the members of an object as the decoder reads them.
func membersOf(t *testing.T, object []byte) []member {
	t.Helper()
	dec := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	var members []member
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		m := member{Name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		m.Value = string(value)
		members = append(members, m)
	}
	return members
}

var documentSeeds = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a" : 1 , "b":[1,{"c":"}"}],"c":{"d":"\""}}`, `{"\u0069d":"\\","a":"\\\""}`,
	`{"a":-1.5e3,"b":true,"c":null,"a":"\ud800"}`, "{\"\xff\":\"\xff\"}", `[{"a":[]},[],{},"x",1]`, `"\\"`, `1`, `{"a":"`, `{"a":\`, `{"`, `[[`,
	"\n{\t\"a\"\r:\n[ 1 , 2 ]\t}\n", `{"":""}`, `{"a":{"b":{"c":{}}},"d":""}`,
}

// A list in any spelling has the same elements in both ways of reading it.
func FuzzEachElement(f *testing.F) {
	for _, seed := range documentSeeds {
		f.Add([]byte(seed))
	}
	for _, seed := range []string{`null`, `false`, `""`, `0`, `{"1":"b","0":"a","x":"c"}`, `[1,2]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		document, err := wire.Read(data)
		if err != nil {
			return
		}
		var want wire.List[jsontext.Value]
		if err := wire.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		got := wire.List[jsontext.Value](nil)
		c := document.Cursor()
		if err := c.EachElement(func(element *wire.Cursor) error {
			got = append(got, element.Value())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d elements, want %d", len(got), len(want))
		}
		for i := range got {
			if string(got[i]) != string(want[i]) {
				t.Errorf("element %d is %q, want %q", i, got[i], want[i])
			}
		}
	})
}

// FuzzRead compares Read with the decoder on what is a document.
func FuzzRead(f *testing.F) {
	for _, seed := range append(documentSeeds, `{"a":1} x`, `1 2`, ``, ` `, `[1,]`, `{"a":1,}`) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := wire.Read(data)
		dec := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		_, want := dec.ReadValue()
		if want == nil {
			if _, end := dec.ReadValue(); !errors.Is(end, io.EOF) {
				want = errors.New("trailing data")
			}
		}
		if (err == nil) != (want == nil) && !isTooLarge(err) {
			t.Errorf("got error %v, the decoder %v", err, want)
		}
	})
}

// ParseName means the same as Parse, the first time and again.
func FuzzText_ParseName(f *testing.F) {
	for _, seed := range []string{`"a"`, `"\u0418\u0440\u0430"`, `""`, `12`, `null`, `[]`, `[1]`, "\"\xff\"", `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		document, err := wire.Read(data)
		if err != nil {
			return
		}
		c := document.Cursor()
		value := c.Value()
		var want, got wire.Text
		wantErr := want.Parse(value)
		for range 2 {
			err := got.ParseName(value)
			if (err == nil) != (wantErr == nil) || err == nil && got != want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, want, wantErr)
			}
		}
	})
}

func isTooLarge(err error) bool {
	e := (*driver.Error)(nil)
	return errors.As(err, &e) && e.Kind == driver.KindTooLarge
}

// walk takes a value by a cursor: of each container every other part is passed
// over or looked at without being taken, and the rest taken apart in the same way.
// It returns what the cursor showed and what it has to show.
func walk(t *testing.T, c *wire.Cursor, value jsontext.Value) (got, want []string) {
	t.Helper()
	n := 0
	part := func(name string, value jsontext.Value) {
		n++
		got, want = append(got, name), append(want, name)
		if empty := c.IsEmpty(); empty != wire.IsEmpty(value) {
			t.Errorf("%q: empty is %v", value, empty)
		}
		switch n % 3 {
		case 0:
			g, w := walk(t, c, value)
			got, want = append(got, g...), append(want, w...)
		case 1:
			got, want = append(got, string(c.Value())), append(want, string(value))
		}
	}
	switch value.Kind() {
	case jsontext.KindBeginObject:
		members := membersOf(t, value)
		i := 0
		for name := range c.Members() {
			if i == len(members) || members[i].Name != string(name) {
				t.Fatalf("member %d is %q of %v", i, name, members)
			}
			part(string(name), jsontext.Value(members[i].Value))
			i++
		}
		if i != len(members) {
			t.Fatalf("%d members of %v", i, members)
		}
	case jsontext.KindBeginArray:
		var list wire.List[jsontext.Value]
		if err := wire.Unmarshal(value, &list); err != nil {
			t.Fatal(err)
		}
		i := 0
		err := c.EachElement(func(element *wire.Cursor) error {
			if element != c || i == len(list) {
				t.Fatalf("element %d of %d", i, len(list))
			}
			part("", list[i])
			i++
			return nil
		})
		if err != nil || i != len(list) {
			t.Fatalf("%d elements of %d, %v", i, len(list), err)
		}
	default:
		got, want = append(got, string(c.Value())), append(want, string(value))
	}
	return got, want
}

func FuzzCursor(f *testing.F) {
	for _, seed := range documentSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		document, err := wire.Read(data)
		if err != nil {
			if c := wire.NewCursor(data); !c.IsEmpty() || c.Value() != nil {
				t.Error("there is something in what is no document")
			}
			return
		}
		c := document.Cursor()
		got, want := walk(t, &c, bytes.TrimSpace(data))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if rest := c.Value(); rest != nil {
			t.Errorf("%q is left", rest)
		}
		document.Release()
	})
}
