package emulator

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// FieldType is the numeric type of a custom field.
type FieldType int

// The types of custom fields a customer can have. 12 does not exist.
const (
	FieldText          FieldType = 1
	FieldNumeric       FieldType = 2
	FieldCheckbox      FieldType = 3
	FieldSelect        FieldType = 4
	FieldMultiselect   FieldType = 5
	FieldDate          FieldType = 6
	FieldURL           FieldType = 7
	FieldMultitext     FieldType = 8
	FieldTextarea      FieldType = 9
	FieldRadiobutton   FieldType = 10
	FieldStreetAddress FieldType = 11
	FieldSmartAddress  FieldType = 13
	FieldBirthday      FieldType = 14
	FieldLegalEntity   FieldType = 15
	FieldItems         FieldType = 16
	FieldOrgLegalName  FieldType = 17
	FieldDateTime      FieldType = 19
)

// Types generation v2 has no numbers for: fields of these, and their values, exist in generation v4 only. The service
// knows most of them in catalogues only; any of them can be given to customers here.
const (
	FieldPrice FieldType = iota + 101
	FieldCategory
	FieldTrackingData
	FieldLinkedEntity
	FieldChainedList
	FieldMonetary
	FieldFile
	FieldPayer
	FieldSupplier
)

// inV2 reports whether generation v2 knows a type.
func (t FieldType) inV2() bool { return t <= FieldDateTime }

// Field is the definition of a custom field of customers.
type Field struct {
	ID     int64
	Name   string
	Code   string // "" for fields users made
	Type   FieldType
	Enums  []Enum // options of a choice, kinds of a multitext
	System bool

	EnumCodes map[int64]string // codes of options by their ids, for those that have one
}

// Enum is one option of a choice or one kind of a multitext.
type Enum struct {
	ID    int64
	Value string
}

func (f *Field) enum(id int64) (Enum, bool) {
	i := slices.IndexFunc(f.Enums, func(e Enum) bool { return e.ID == id })
	if i < 0 {
		return Enum{}, false
	}
	return f.Enums[i], true
}

func (f *Field) enumByValue(value string) (Enum, bool) {
	i := slices.IndexFunc(f.Enums, func(e Enum) bool { return e.Value == value || plainOption(e.Value) == value })
	if i < 0 {
		return Enum{}, false
	}
	return f.Enums[i], true
}

// catalogue holds the field definitions of customers or of segments. Its methods are safe for concurrent use; a Field in it is never
// changed, only replaced.
type catalogue struct {
	mu     sync.RWMutex
	byID   map[int64]*Field
	sorted []*Field // in the order they were added
}

func (c *catalogue) init(fields []Field) {
	c.byID = map[int64]*Field{}
	for _, f := range fields {
		c.put(f)
	}
}

func (c *catalogue) put(f Field) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[f.ID]; ok {
		c.sorted = slices.DeleteFunc(c.sorted, func(old *Field) bool { return old.ID == f.ID })
	}
	f.Enums, f.EnumCodes = slices.Clone(f.Enums), maps.Clone(f.EnumCodes)
	c.byID[f.ID] = &f
	c.sorted = append(c.sorted, &f)
}

func (c *catalogue) get(id int64) *Field {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byID[id]
}

func (c *catalogue) all() []*Field {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.sorted)
}

// AddField adds a custom field to the customers of the account, replacing one of the same id.
func (e *Emulator) AddField(f Field) error {
	if f.ID <= 0 {
		return fmt.Errorf("emulator: add field: id %d must be above zero", f.ID)
	}
	if v4FieldTypes[f.Type] == "" {
		return fmt.Errorf("emulator: add field %d: type %d is not one of a customer", f.ID, f.Type)
	}
	e.catalogue.put(f)
	return nil
}

// Fields returns the custom fields of customers in the order they were added.
func (e *Emulator) Fields() []Field {
	all := e.catalogue.all()
	fields := make([]Field, 0, len(all))
	for _, f := range all {
		c := *f
		c.Enums, c.EnumCodes = slices.Clone(f.Enums), maps.Clone(f.EnumCodes)
		fields = append(fields, c)
	}
	return fields
}
