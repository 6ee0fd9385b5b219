package inprocess

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// hand makes to the same as from, which its sender does not touch any more:
// what is below the fields is shared.
func hand(from, to any) error {
	source, ok := from.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", from)
	}
	target, ok := to.(proto.Message)
	if !ok || source.ProtoReflect().Descriptor() != target.ProtoReflect().Descriptor() {
		return status.Errorf(codes.Internal, "%T cannot hold %T", to, from)
	}
	proto.Reset(target)
	m := target.ProtoReflect()
	source.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		m.Set(fd, v)
		return true
	})
	m.SetUnknown(source.ProtoReflect().GetUnknown())
	return nil
}
