package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// diagnosis finds out which fields of a body are wrong, after decoding it has
// failed: protojson tells a line and a column, callers need field paths. What
// is right and wrong stays protojson's judgement, asked about one member at a
// time; this is as fast as it need be for a request that fails.
type diagnosis struct {
	masks maskedTypes
	found []*errdetails.BadRequest_FieldViolation
}

// diagnose lists the mistakes in a body that could not be decoded; at least one.
func diagnose(b *binding, body []byte) []*errdetails.BadRequest_FieldViolation {
	if problem := syntaxProblem(body); problem != "" {
		return []*errdetails.BadRequest_FieldViolation{violation(bodyField, problem)}
	}
	d := diagnosis{masks: maskedTypes{}}
	d.masks.add(b.input.Descriptor())
	d.object(b.bodyDescriptor(), body, b.bodyPath())
	if len(d.found) == 0 {
		return []*errdetails.BadRequest_FieldViolation{violation(bodyField, "does not fit "+string(b.bodyDescriptor().Name()))}
	}
	return d.found
}

// syntaxProblem says what is wrong with a body that is not one JSON value.
func syntaxProblem(body []byte) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	var value json.RawMessage
	if err := dec.Decode(&value); err != nil {
		if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) {
			return "malformed JSON at " + position(body, bad.Offset)
		}
		return "malformed JSON: it ends too early, at " + position(body, int64(len(body)))
	}
	if rest := body[dec.InputOffset():]; !isBlank(rest) {
		at := dec.InputOffset() + int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n"))) + 1
		return "text after the JSON object, at " + position(body, at)
	}
	return ""
}

// position turns a count of bytes read, the last of which is the bad one, into
// a line and a column in bytes, from 1.
func position(body []byte, read int64) string {
	before := body[:min(max(read-1, 0), int64(len(body)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

func (d *diagnosis) add(path, description string) {
	if len(d.found) < maxViolations {
		d.found = append(d.found, violation(path, description))
	}
}

// object judges the members of an object that stands at path.
func (d *diagnosis) object(md protoreflect.MessageDescriptor, data []byte, path string) {
	members, err := readObject(data)
	if err != nil {
		if path == "" {
			path = bodyField
		}
		d.add(path, "must be a JSON object")
		return
	}
	seen := map[protoreflect.FullName]bool{}
	for _, m := range members {
		fd := fieldOf(md, m.name)
		if fd == nil {
			d.add(join(path, m.name), "unknown field")
			continue
		}
		at := join(path, string(fd.Name()))
		group := fd.FullName()
		if of := fd.ContainingOneof(); of != nil && string(m.value) != "null" {
			group = of.FullName()
		}
		switch {
		case seen[group] && group != fd.FullName() && !fd.HasOptionalKeyword():
			d.add(at, fmt.Sprintf("only one field of %q can be given", fd.ContainingOneof().Name()))
		case seen[group]:
			d.add(at, "must be given once")
		}
		seen[group] = true
		d.member(md, fd, m.value, at)
	}
}

// member judges one field.
func (d *diagnosis) member(md protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, value json.RawMessage, path string) {
	if len(d.found) >= maxViolations || d.fits(md, fd, value) {
		return
	}
	var items []json.RawMessage
	switch {
	case !fd.IsList():
		d.single(fd, value, path)
	case json.Unmarshal(value, &items) != nil:
		d.add(path, "must be a JSON array")
	default:
		d.list(md, fd, items, path)
	}
}

// judgedAtOnce is how many items of a list are asked about together. One by one
// the two million items that a body can hold would take seconds.
const judgedAtOnce = 500

// list judges the items of a list, some of which do not fit.
func (d *diagnosis) list(md protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, items []json.RawMessage, path string) {
	first := 0
	for some := range slices.Chunk(items, judgedAtOnce) {
		if !d.fits(md, fd, array(some...)) {
			for i, item := range some {
				if len(d.found) < maxViolations && !d.fits(md, fd, array(item)) {
					d.single(fd, item, fmt.Sprintf("%s[%d]", path, first+i))
				}
			}
		}
		first += len(some)
		if len(d.found) >= maxViolations {
			return
		}
	}
}

func array(items ...json.RawMessage) []byte {
	var buf bytes.Buffer
	buf.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.Write(item)
	}
	buf.WriteByte(']')
	return buf.Bytes()
}

// single judges one value that does not fit.
func (d *diagnosis) single(fd protoreflect.FieldDescriptor, value json.RawMessage, path string) {
	before := len(d.found)
	if md := fd.Message(); md != nil && !fd.IsMap() && md.ParentFile().Package() != "google.protobuf" {
		d.object(md, value, path)
	}
	if len(d.found) == before {
		d.add(path, expectation(fd))
	}
}

// fits asks protojson about one member alone.
func (d *diagnosis) fits(md protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, value []byte) bool {
	data := writeObject([]member{{name: string(fd.Name()), value: value}})
	if d.masks[md.FullName()] {
		data, _ = d.masks.extract(md, data)
	}
	return protojson.Unmarshal(data, dynamicpb.NewMessage(md)) == nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
