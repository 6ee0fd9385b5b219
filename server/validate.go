package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// preparedRules are the rules of all requests of the API. They are the same for
// every server of a process and prepared once: that takes longer than everything
// else that a server needs.
var preparedRules = sync.OnceValues(func() (protovalidate.Validator, error) {
	var inputs []protoreflect.MessageDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("amogate.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for methods, j := file.Services().Get(i).Methods(), 0; j < methods.Len(); j++ {
				inputs = append(inputs, methods.Get(j).Input())
			}
		}
		return true
	})
	return protovalidate.New(protovalidate.WithMessageDescriptors(inputs...))
})

// validateUnary refuses requests that break the rules of their messages. In a
// batch, violations inside an item become that item's result.
func (s *Server) validateUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := s.validate(callFrom(ctx), req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// validateStream is validateUnary for the messages that a stream receives.
func (s *Server) validateStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, &validatingStream{ServerStream: stream, server: s})
}

// validatingStream checks the messages that it receives.
type validatingStream struct {
	grpc.ServerStream
	server *Server
}

// RecvMsg implements grpc.ServerStream.
func (v *validatingStream) RecvMsg(m any) error {
	if err := v.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return v.server.validate(callFrom(v.Context()), m)
}

// validate checks a request of this API; requests of other services, health
// for instance, pass.
func (s *Server) validate(c *call, req any) error {
	msg, ok := req.(proto.Message)
	if !ok || !c.own {
		return nil
	}
	fields, items, err := violations(s.validator, msg)
	if err != nil {
		return err
	}
	if len(fields) > 0 {
		broken := invalid(fields...)
		if len(fields) == 1 && fields[0].GetField() == pageTokenField {
			// A token that cannot be ours is no more than one that is not.
			broken.reason = amogatev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID
		}
		return broken
	}
	c.items = items
	return nil
}

// violations returns everything that is wrong with a request. What is wrong
// inside an item of a batch comes apart, by the item's index.
func violations(validator protovalidate.Validator, msg proto.Message) (fields []*violation, items map[int][]*violation, err error) {
	batch := strings.HasPrefix(string(msg.ProtoReflect().Descriptor().Name()), "Batch")
	items = map[int][]*violation{}
	add := func(v *violation, index int) {
		if index < 0 {
			fields = append(fields, v)
		} else {
			items[index] = append(items[index], v)
		}
	}

	err = validator.Validate(msg)
	broken, ok := errors.AsType[*protovalidate.ValidationError](err)
	switch {
	case ok:
		for _, v := range broken.Violations {
			path := v.Proto.GetField()
			index := -1
			if batch {
				index = itemIndex(path)
			}
			add(refuse(protovalidate.FieldPathString(path), "%s", v.Proto.GetMessage()), index)
		}
	case err != nil:
		return nil, nil, fmt.Errorf("validate %s: %w", msg.ProtoReflect().Descriptor().FullName(), err)
	}

	walk(msg.ProtoReflect(), "", -1, batch, add)
	return fields, items, nil
}

// itemIndex returns the index of the item of a batch that a path is in; -1 when
// it is in none.
func itemIndex(path *validate.FieldPath) int {
	elements := path.GetElements()
	if len(elements) == 0 {
		return -1
	}
	if subscript, ok := elements[0].GetSubscript().(*validate.FieldPathElement_Index); ok {
		return int(subscript.Index) //nolint:gosec // protovalidate counts the elements of a list that is in memory
	}
	return -1
}

// walk reports what the rules in the proto files do not say: instants outside
// of their range, and required fields of a new resource that are empty. index
// is that of the batch's item which m belongs to; -1 = none.
func walk(m protoreflect.Message, path string, index int, batch bool, report func(*violation, int)) {
	creates := strings.HasPrefix(string(m.Descriptor().Name()), "Create")
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := join(path, string(field.Name()))
		if field.Message() == nil || field.IsMap() {
			return true
		}
		if field.IsList() {
			for i := range value.List().Len() {
				index := index
				if batch && path == "" {
					index = i
					if id := value.List().Get(i).Message().Descriptor().Fields().ByName(requestIDField); id != nil && value.List().Get(i).Message().Has(id) {
						report(refuse(join(item(name, i), requestIDField), "must be empty in an item; set the request_id of the batch"), i)
					}
				}
				walk(value.List().Get(i).Message(), item(name, i), index, batch, report)
			}
			return true
		}
		if t, ok := value.Message().Interface().(*timestamppb.Timestamp); ok {
			if t.CheckValid() != nil {
				report(refuse(name, "must be between the years 1 and 9999"), index)
			}
			return true
		}
		if creates && hasBehavior(field, annotations.FieldBehavior_REQUIRED) {
			required(value.Message(), name, index, report)
		}
		walk(value.Message(), name, index, batch, report)
		return true
	})
}

// required reports the required fields of a new resource that are not set.
func required(m protoreflect.Message, path string, index int, report func(*violation, int)) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if hasBehavior(field, annotations.FieldBehavior_REQUIRED) && !m.Has(field) {
			report(refuse(join(path, string(field.Name())), "is required"), index)
		}
	}
}
