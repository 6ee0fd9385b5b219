package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LoadFaults adds the rules of a fault file, a JSON object {"rules":[{"match":{…},"action":{…}}]}. Unknown keys are
// errors: a misspelt condition would match everything. An error names the line and the key, and then none is added.
func (e *Emulator) LoadFaults(r io.Reader) error {
	rules, err := readFaults(r)
	if err != nil {
		return fmt.Errorf("emulator: read faults: %w", err)
	}
	return e.Script(rules...)
}

func readFaults(r io.Reader) ([]Rule, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var file struct {
		Rules []Rule `json:"rules"`
	}
	f := &faultReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), lines: map[string]int{}}
	if err := f.value("", reflect.ValueOf(&file).Elem()); err != nil {
		return nil, err
	}
	if _, err := f.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: text after the rules", f.line())
	}
	for i, rule := range file.Rules {
		at := "rules[" + strconv.Itoa(i) + "]"
		if wrong, ok := errors.AsType[*ruleError](rule.validate()); ok {
			line, sent := f.lines[at+"."+wrong.key]
			if !sent {
				line = f.lines[at]
			}
			return nil, fmt.Errorf("line %d: %s.%w", line, at, wrong)
		}
	}
	return file.Rules, nil
}

// faultReader reads a fault file into structs by their JSON tags, key by key: encoding/json alone does not tell where
// an unknown key stands.
type faultReader struct {
	data  []byte
	dec   *json.Decoder
	lines map[string]int // of every key and list element, by its path

	counted, breaks int // bytes of data behind line, and the line breaks in them
}

// line is the line of the token that was read last.
func (f *faultReader) line() int {
	if to := int(f.dec.InputOffset()); to > f.counted {
		f.breaks += bytes.Count(f.data[f.counted:to], []byte("\n"))
		f.counted = to
	}
	return f.breaks + 1
}

func (f *faultReader) lineAt(offset int64) int {
	return 1 + bytes.Count(f.data[:min(int(offset), len(f.data))], []byte("\n"))
}

func (f *faultReader) value(at string, v reflect.Value) error {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		var d duration
		if err := f.leaf(at, &d); err != nil {
			return err
		}
		v.SetInt(int64(d))
		return nil
	case v.Kind() == reflect.Struct:
		return f.object(at, v)
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		v.Set(reflect.New(v.Type().Elem()))
		return f.object(at, v.Elem())
	case v.Kind() == reflect.Slice:
		return f.list(at, v)
	}
	return f.leaf(at, v.Addr().Interface())
}

func (f *faultReader) object(at string, v reflect.Value) error {
	if err := f.open('{', at, "an object"); err != nil {
		return err
	}
	keys := make([]string, 0, v.NumField())
	for i := range v.NumField() {
		keys = append(keys, v.Type().Field(i).Tag.Get("json"))
	}
	for f.dec.More() {
		tok, err := f.dec.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			return f.syntax(err)
		}
		path := strings.TrimPrefix(at+"."+key, ".")
		i := slices.Index(keys, key)
		if i < 0 {
			return fmt.Errorf("line %d: unknown key %q; there are %s", f.line(), path, strings.Join(keys, ", "))
		}
		if _, twice := f.lines[path]; twice {
			return fmt.Errorf("line %d: key %q stands there twice", f.line(), path)
		}
		f.lines[path] = f.line()
		if err := f.value(path, v.Field(i)); err != nil {
			return err
		}
	}
	return f.close()
}

func (f *faultReader) list(at string, v reflect.Value) error {
	if err := f.open('[', at, "a list"); err != nil {
		return err
	}
	for i := 0; f.dec.More(); i++ {
		path := at + "[" + strconv.Itoa(i) + "]"
		row := reflect.New(v.Type().Elem()).Elem()
		if err := f.value(path, row); err != nil {
			return err
		}
		v.Set(reflect.Append(v, row))
	}
	return f.close()
}

func (f *faultReader) open(bracket json.Delim, at, what string) error {
	tok, err := f.dec.Token()
	if err != nil {
		return f.syntax(err)
	}
	if tok != bracket {
		if at == "" {
			at = "the file"
		}
		return fmt.Errorf("line %d: %s must be %s", f.line(), at, what)
	}
	f.lines[at] = max(f.lines[at], f.line()) // a list element has no key to stand at
	return nil
}

func (f *faultReader) close() error {
	if _, err := f.dec.Token(); err != nil {
		return f.syntax(err)
	}
	return nil
}

// leaf reads a value that holds no keys of ours.
func (f *faultReader) leaf(at string, to any) error {
	err := f.dec.Decode(to)
	if err == nil {
		return nil
	}
	if broken, ok := errors.AsType[*json.SyntaxError](err); ok {
		return f.syntax(broken)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.syntax(err)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = fmt.Errorf("must be %s, not %s", describe(wrong.Type), wrong.Value)
	}
	return fmt.Errorf("line %d: %s: %w", f.lines[at], at, err)
}

// describe names what a key of a fault file takes.
func describe(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[duration](), t == reflect.TypeFor[*duration]():
		return `a duration such as "2s"`
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Map:
		return "an object"
	}
	return "a whole number"
}

// syntax names the line of text that is not JSON, or of its early end.
func (f *faultReader) syntax(err error) error {
	line := f.line()
	if broken, ok := errors.AsType[*json.SyntaxError](err); ok {
		line = f.lineAt(broken.Offset)
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("line %d: not JSON: the text ends early", f.lineAt(int64(len(f.data))))
	}
	return fmt.Errorf("line %d: not JSON: %w", line, err)
}

// duration is a time.Duration spelled as time.ParseDuration reads it.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`%q is not a duration such as "2s"`, text)
	}
	*d = duration(v)
	return nil
}
