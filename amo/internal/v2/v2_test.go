package v2_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	customers    = v2.Customers()
	transactions = v2.Transactions()
	periods      = v2.Periods()
)

// Ids of the custom fields of testEnv, one of each type; the first three are
// those of the documented samples.
const (
	textField         = 4400017
	multiselectField  = 4400021
	smartAddressField = 4399655

	numericField       = 102
	checkboxField      = 103
	selectField        = 104
	dateField          = 106
	urlField           = 107
	multitextField     = 108
	textareaField      = 109
	radiobuttonField   = 110
	streetAddressField = 111
	birthdayField      = 114
	legalEntityField   = 115
	itemsField         = 116
	orgField           = 117
	categoryField      = 118
	dateTimeField      = 119
	priceField         = 120
	trackingField      = 121
	monetaryField      = 123
	chainedListField   = 124
	fileField          = 125
	unknownTypeField   = 199
)

func testEnv(tb testing.TB) *driver.Env {
	tb.Helper()
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		tb.Fatal(err)
	}
	catalogue := driver.Catalogue{}
	for id, f := range map[int64]driver.Field{
		textField:          {Name: "Remarks", TypeCode: "1"},
		numericField:       {Name: "Size", TypeCode: "2"},
		checkboxField:      {Name: "VIP", TypeCode: "3"},
		selectField:        {Name: "Colour", TypeCode: "4", Options: map[int64]string{41: "red", 42: `"blue"`}},
		multiselectField:   {Name: "Multi-select", TypeCode: "5", Options: map[int64]string{3692471: "3", 3692472: "4", 3692473: "5"}},
		dateField:          {Name: "Since", TypeCode: "6"},
		urlField:           {Name: "Site", TypeCode: "7"},
		multitextField:     {Name: "Phone", Code: "PHONE", TypeCode: "8", Options: map[int64]string{81: "WORK", 82: "MOB"}},
		textareaField:      {Name: "Story", TypeCode: "9"},
		radiobuttonField:   {Name: "Size class", TypeCode: "10", Options: map[int64]string{101: "S", 102: "M"}},
		streetAddressField: {Name: "Street", TypeCode: "11"},
		smartAddressField:  {Name: "Address", TypeCode: "13"},
		birthdayField:      {Name: "Birthday", TypeCode: "14"},
		legalEntityField:   {Name: "Payer", TypeCode: "15"},
		itemsField:         {Name: "Positions", TypeCode: "16"},
		orgField:           {Name: "Organisation", TypeCode: "17"},
		categoryField:      {Name: "Category", TypeCode: "18"},
		dateTimeField:      {Name: "Call at", TypeCode: "19"},
		priceField:         {Name: "Price", TypeCode: "20"},
		trackingField:      {Name: "Source", TypeCode: "21"},
		monetaryField:      {Name: "Debt", TypeCode: "23"},
		chainedListField:   {Name: "Model", TypeCode: "24"},
		fileField:          {Name: "Contract", TypeCode: "25"},
		unknownTypeField:   {Name: "Orbit", TypeCode: "77"},
	} {
		f.ID = id
		for number := range amogatev1.CustomFieldType_name {
			if t := amogatev1.CustomFieldType(number); f.TypeCode == strconv.Itoa(int(number)) {
				f.Type = t
			}
		}
		catalogue[id] = f
	}
	return &driver.Env{
		AccountID: 13667499,
		Location:  moscow,
		Currency:  "USD",
		Fields:    map[string]driver.Catalogue{"customers": catalogue},
	}
}

func readTestdata(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// wantKind fails the test unless err is an *Error of this kind.
func wantKind(t *testing.T, err error, kind driver.Kind) {
	t.Helper()
	_ = asError(t, err, kind)
}

// asError fails the test unless err is an *Error of this kind.
func asError(t *testing.T, err error, kind driver.Kind) *driver.Error {
	t.Helper()
	e := (*driver.Error)(nil)
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want an *Error of kind %d", err, err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("got kind %d (%v), want %d", e.Kind, e, kind)
	}
	return e
}

// fieldPaths returns the paths of the faulty fields.
func fieldPaths(e *driver.Error) string {
	paths := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		paths[i] = f.Path
	}
	return strings.Join(paths, " ")
}
