package driver

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// parentOneof is the name of the oneof that names the parent of a note, in every
// message that has one.
const parentOneof = "parent"

// parentFields are the names of its fields.
var parentFields = map[protoreflect.Name]amogatev1.ParentKind{
	"contact_id":  amogatev1.ParentKind_PARENT_KIND_CONTACT,
	"lead_id":     amogatev1.ParentKind_PARENT_KIND_LEAD,
	"company_id":  amogatev1.ParentKind_PARENT_KIND_COMPANY,
	"task_id":     amogatev1.ParentKind_PARENT_KIND_TASK,
	"customer_id": amogatev1.ParentKind_PARENT_KIND_CUSTOMER,
}

// ParentKinds are the kinds of parents, in the order of their numbers.
var ParentKinds = []amogatev1.ParentKind{
	amogatev1.ParentKind_PARENT_KIND_CONTACT,
	amogatev1.ParentKind_PARENT_KIND_LEAD,
	amogatev1.ParentKind_PARENT_KIND_COMPANY,
	amogatev1.ParentKind_PARENT_KIND_TASK,
	amogatev1.ParentKind_PARENT_KIND_CUSTOMER,
}

// Parent returns the parent that a note, or a request about notes, names; both
// are 0 when it names none.
func Parent(m proto.Message) (amogatev1.ParentKind, int64) {
	r := m.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName(parentOneof))
	if field == nil {
		return amogatev1.ParentKind_PARENT_KIND_UNSPECIFIED, 0
	}
	return parentFields[field.Name()], r.Get(field).Int()
}

// SetParent makes a note, or a request about notes, name a parent. The kind must
// be one of ParentKinds.
func SetParent(m proto.Message, kind amogatev1.ParentKind, id int64) {
	name := protoreflect.Name(strings.ToLower(strings.TrimPrefix(kind.String(), "PARENT_KIND_")) + "_id")
	r := m.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName(name), protoreflect.ValueOfInt64(id))
}
