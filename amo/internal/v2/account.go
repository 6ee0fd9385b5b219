package v2

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the account's zone must resolve on machines without a zone database

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// AccountCall describes the read of the account with its custom fields.
//
//amogate:operation GET /api/v2/account rpc=*
func AccountCall() driver.Call {
	return driver.Call{
		Name:   "account.get",
		Method: http.MethodGet,
		Path:   "/api/v2/account",
		Query:  url.Values{"with": {"custom_fields"}},
		Effect: driver.Read,
	}
}

// account is the answer to AccountCall. Its containers are lists in the
// documents and objects by id in recorded answers, empty ones either.
type account struct {
	ID             wire.Int  `json:"id"`
	CurrentUser    wire.Int  `json:"current_user"`
	Currency       wire.Text `json:"currency"`
	Timezone       wire.Text `json:"timezone"`
	TimezoneOffset wire.Text `json:"timezone_offset"`
	Embedded       wire.Object[struct {
		CustomFields wire.Object[struct {
			Customers wire.List[fieldDefinition] `json:"customers"`
			Leads     wire.List[fieldDefinition] `json:"leads"`
			Contacts  wire.List[fieldDefinition] `json:"contacts"`
			Companies wire.List[fieldDefinition] `json:"companies"`
		}] `json:"custom_fields"`
	}] `json:"_embedded"`
}

type fieldDefinition struct {
	ID    wire.Int  `json:"id"`
	Name  wire.Text `json:"name"`
	Code  wire.Text `json:"code"`
	Type  wire.Text `json:"field_type"`
	Enums enums     `json:"enums"`
}

// enums are the options of a list by id: an object of texts by id, or a list of
// {id, value} as the documents have it.
type enums map[int64]string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (e *enums) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if wire.IsEmpty(raw) {
		return nil
	}
	*e = enums{}
	if raw.Kind() == jsontext.KindBeginArray {
		var list wire.List[enumOption]
		if err := wire.Unmarshal(raw, &list); err != nil {
			return err
		}
		for _, option := range list {
			(*e)[option.ID.Value] = html.UnescapeString(option.Value.Value)
		}
		return nil
	}
	members, err := readMembers(raw)
	if err != nil {
		return err
	}
	for _, m := range members {
		id, err := strconv.ParseInt(m.name, 10, 64)
		if err != nil {
			return errEnumID
		}
		var text wire.Text
		if m.value.Kind() == jsontext.KindBeginObject {
			var option enumOption
			if err := wire.Unmarshal(m.value, &option); err != nil {
				return err
			}
			text = option.Value
		} else if err := wire.Unmarshal(m.value, &text); err != nil {
			return err
		}
		(*e)[id] = html.UnescapeString(text.Value)
	}
	return nil
}

type enumOption struct {
	ID    wire.Int  `json:"id"`
	Value wire.Text `json:"value"`
}

var (
	errNoAccountID = errors.New("the account has no id")
	errNoTimeZone  = errors.New("the account has no time zone that is known here")
	errEnumID      = errors.New("the id of an option is no number")
	errFieldID     = errors.New("a custom field has no id")
)

// DecodeAccount decodes the answer to AccountCall. The time zone is taken by
// its name from the time zone database, and only where that has no such zone by
// its offset, which ignores daylight saving.
func DecodeAccount(body []byte) (*driver.Env, error) {
	var w account
	if err := wire.Unmarshal(body, &w); err != nil {
		return nil, named(err, "account", driver.OpGet)
	}
	env, err := w.toEnv()
	if err != nil {
		return nil, named(badResponse(err), "account", driver.OpGet)
	}
	return env, nil
}

func (w *account) toEnv() (*driver.Env, error) {
	if w.ID.Value <= 0 {
		return nil, errNoAccountID
	}
	location, err := loadLocation(w.Timezone.Value, w.TimezoneOffset.Value)
	if err != nil {
		return nil, err
	}
	env := &driver.Env{
		AccountID: w.ID.Value,
		UserID:    max(w.CurrentUser.Value, 0),
		Location:  location,
		Currency:  strings.ToUpper(strings.TrimSpace(w.Currency.Value)),
		Fields:    map[string]driver.Catalogue{customersName: {}, "leads": {}, "contacts": {}, "companies": {}},
	}
	if w.Embedded.Value == nil || w.Embedded.Value.CustomFields.Value == nil {
		return env, nil
	}
	fields := w.Embedded.Value.CustomFields.Value
	for resource, definitions := range map[string]wire.List[fieldDefinition]{
		customersName: fields.Customers,
		"leads":       fields.Leads,
		"contacts":    fields.Contacts,
		"companies":   fields.Companies,
	} {
		for i := range definitions {
			field, err := definitions[i].toField()
			if err != nil {
				return nil, err
			}
			env.Fields[resource][field.ID] = field
		}
	}
	return env, nil
}

func (w *fieldDefinition) toField() (driver.Field, error) {
	if w.ID.Value <= 0 {
		return driver.Field{}, errFieldID
	}
	return driver.Field{
		ID:       w.ID.Value,
		Name:     w.Name.Value,
		Code:     w.Code.Value,
		Type:     fieldType(w.Type.Value),
		TypeCode: w.Type.Value,
		Options:  w.Enums,
	}, nil
}

// fieldType returns the type with upstream's number; the proto enum has the
// same ones, and above them types that have no number.
func fieldType(code string) amogatev1.CustomFieldType {
	n, err := strconv.ParseInt(code, 10, 32)
	if err != nil || n > int64(amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_FILE) {
		return amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED
	}
	if _, known := amogatev1.CustomFieldType_name[int32(n)]; !known {
		return amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED
	}
	return amogatev1.CustomFieldType(n)
}

func loadLocation(name, offset string) (*time.Location, error) {
	// "" and "Local" mean something else to the standard library.
	if name != "" && name != "Local" {
		if location, err := time.LoadLocation(name); err == nil {
			return location, nil
		}
	}
	for _, layout := range []string{"-07:00", "-0700", "Z07:00"} {
		if t, err := time.Parse(layout, offset); err == nil {
			_, seconds := t.Zone()
			return time.FixedZone(offset, seconds), nil
		}
	}
	return nil, errNoTimeZone
}
