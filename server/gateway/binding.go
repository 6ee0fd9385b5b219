package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	bufvalidate "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// apiPackage is the proto package that the gateway serves.
const apiPackage = "amogate.v1"

// maskField is the name that update masks have in every request.
const maskField = "update_mask"

// binding is one way to call an RPC over HTTP: what a google.api.http rule says.
type binding struct {
	rpc      protoreflect.FullName
	verb     string
	template string
	path     *regexp.Regexp
	// pathFields are the fields that the path holds.
	pathFields []string
	// body is the field that the body holds, "*" for the whole request, "" when
	// the call takes no body.
	body  string
	input protoreflect.MessageType
	// needsBody is set when the request is no request without its body.
	needsBody bool
	// masksBody is set when the runtime makes the update mask from the body.
	masksBody bool
}

// bindings are the routes of the API, by verb and pattern.
type bindings map[string]*binding

// variable is a path variable. Patterns that span segments are not in use.
var variable = regexp.MustCompile(`\{([a-z0-9_.]+)\}`)

// readBindings collects the rules of all services of the API.
func readBindings() (bindings, error) {
	all := bindings{}
	var err error
	protoregistry.GlobalFiles.RangeFilesByPackage(apiPackage, func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				err = errors.Join(err, all.add(methods.Get(j)))
			}
		}
		return err == nil
	})
	return all, err
}

// add reads the rules of a method; one without is not served over HTTP.
func (all bindings) add(m protoreflect.MethodDescriptor) error {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if rule == nil {
		return nil
	}
	for _, one := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		b, err := newBinding(m, one)
		if err != nil {
			return err
		}
		all[b.verb+" "+pattern(b.template)] = b
	}
	return nil
}

func newBinding(m protoreflect.MethodDescriptor, rule *annotations.HttpRule) (*binding, error) {
	b := &binding{rpc: m.FullName(), body: rule.GetBody()}
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		b.verb, b.template = http.MethodGet, p.Get
	case *annotations.HttpRule_Put:
		b.verb, b.template = http.MethodPut, p.Put
	case *annotations.HttpRule_Post:
		b.verb, b.template = http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		b.verb, b.template = http.MethodDelete, p.Delete
	case *annotations.HttpRule_Patch:
		b.verb, b.template = http.MethodPatch, p.Patch
	default:
		return nil, fmt.Errorf("read route of %s: no verb", m.FullName())
	}
	input, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	if err != nil {
		return nil, fmt.Errorf("read route of %s: %w", m.FullName(), err)
	}
	b.input = input

	b.compile()

	fields := m.Input().Fields()
	switch b.body {
	case "":
	case "*":
		for i := range fields.Len() {
			field := fields.Get(i)
			inPath := slices.Contains(b.pathFields, string(field.Name()))
			b.needsBody = b.needsBody || !inPath && hasBehavior(field, annotations.FieldBehavior_REQUIRED)
		}
		for i := range m.Input().Oneofs().Len() {
			b.needsBody = b.needsBody || b.bodyDecides(m.Input().Oneofs().Get(i))
		}
	default:
		fd := fields.ByName(protoreflect.Name(b.body))
		if fd == nil {
			return nil, fmt.Errorf("read route of %s: no field %q", m.FullName(), b.body)
		}
		b.needsBody = hasBehavior(fd, annotations.FieldBehavior_REQUIRED)
		b.masksBody = b.verb == http.MethodPatch && fields.ByName(maskField) != nil
	}
	return b, nil
}

// compile reads the template.
func (b *binding) compile() {
	var expr strings.Builder
	rest := b.template
	for _, at := range variable.FindAllStringSubmatch(b.template, -1) {
		literal, after, _ := strings.Cut(rest, at[0])
		// A colon begins a custom verb: all variables are numbers.
		expr.WriteString(regexp.QuoteMeta(literal) + "[^/:]+")
		rest = after
		b.pathFields = append(b.pathFields, at[1])
	}
	b.path = regexp.MustCompile("^" + expr.String() + regexp.QuoteMeta(rest) + "$")
}

// pathArm returns the field of the path that excludes fd, since only one of the
// two can be set; nil when there is none.
func (b *binding) pathArm(fd protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	of := armOf(fd)
	if of == nil {
		return nil
	}
	for _, name := range b.pathFields {
		if arm := of.Fields().ByName(protoreflect.Name(name)); arm != nil && arm != fd {
			return arm
		}
	}
	return nil
}

// bodyDecides says whether one field of a oneof has to be given, and the path has
// none of them.
func (b *binding) bodyDecides(of protoreflect.OneofDescriptor) bool {
	rules, _ := proto.GetExtension(of.Options(), bufvalidate.E_Oneof).(*bufvalidate.OneofRules)
	return rules.GetRequired() && !slices.ContainsFunc(b.pathFields, func(name string) bool {
		return of.Fields().ByName(protoreflect.Name(name)) != nil
	})
}

// armOf is the oneof of a field that excludes others; nil for other fields.
func armOf(fd protoreflect.FieldDescriptor) protoreflect.OneofDescriptor {
	if of := fd.ContainingOneof(); of != nil && !of.IsSynthetic() {
		return of
	}
	return nil
}

// bodyDescriptor is what the body of the request must be, nil for none.
func (b *binding) bodyDescriptor() protoreflect.MessageDescriptor {
	switch b.body {
	case "":
		return nil
	case "*":
		return b.input.Descriptor()
	default:
		return b.input.Descriptor().Fields().ByName(protoreflect.Name(b.body)).Message()
	}
}

// bodyPath is the path, in the request, of a field of the body.
func (b *binding) bodyPath() string {
	if b.body == "*" {
		return ""
	}
	return b.body
}

// allow lists the verbs of a path as the Allow header does; empty when no route
// has the path.
func (all bindings) allow(path string) string {
	var verbs []string
	for _, b := range all {
		if b.path.MatchString(path) && !slices.Contains(verbs, b.verb) {
			verbs = append(verbs, b.verb)
		}
	}
	if verbs == nil {
		return ""
	}
	slices.Sort(verbs)
	return strings.Join(append(verbs, http.MethodOptions), ", ")
}

// pattern spells a template the way runtime.Pattern does.
func pattern(template string) string { return variable.ReplaceAllString(template, "{$1=*}") }

func hasBehavior(fd protoreflect.FieldDescriptor, want annotations.FieldBehavior) bool {
	list, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(list, want)
}
