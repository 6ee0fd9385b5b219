package amo

import (
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/structpb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func choiceField(id int64, choice *amogatev1.Choice) *amogatev1.CustomField {
	return &amogatev1.CustomField{FieldId: id, Value: &amogatev1.CustomField_Choice{Choice: choice}}
}

func checkbox(ticked bool) *amogatev1.CustomField {
	return &amogatev1.CustomField{FieldId: 2, Value: &amogatev1.CustomField_Checkbox{Checkbox: ticked}}
}

func number(id int64, text string) *amogatev1.CustomField {
	return &amogatev1.CustomField{FieldId: id, Value: &amogatev1.CustomField_Number{Number: text}}
}

func multitext(values ...*amogatev1.MultitextValue) *amogatev1.CustomField {
	return &amogatev1.CustomField{FieldId: 1, Value: &amogatev1.CustomField_Multitext{Multitext: &amogatev1.Multitext{Values: values}}}
}

func company(other map[string]any) *amogatev1.CustomField {
	s, err := structpb.NewStruct(other)
	if err != nil {
		panic(err)
	}
	return &amogatev1.CustomField{FieldId: 1, Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{
		LegalEntities: []*amogatev1.LegalEntity{{Name: "ООО", Other: s}},
	}}}
}

func withFields(fields ...*amogatev1.CustomField) *amogatev1.Customer {
	return &amogatev1.Customer{Name: "a", CustomFields: fields}
}

func TestContent_isShownByWhatUpstreamMakesOfIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sent, row *amogatev1.Customer
		want      bool
	}{
		"the same":            {&amogatev1.Customer{Name: "a"}, &amogatev1.Customer{Name: "a", Id: 5}, true},
		"another name":        {&amogatev1.Customer{Name: "a"}, &amogatev1.Customer{Name: "b"}, false},
		"more fields":         {&amogatev1.Customer{Name: "a"}, &amogatev1.Customer{Name: "a", Periodicity: new(int32(3))}, true},
		"fewer fields":        {&amogatev1.Customer{Name: "a", Periodicity: new(int32(3))}, &amogatev1.Customer{Name: "a"}, false},
		"a zero":              {&amogatev1.Customer{Name: "a", Periodicity: new(int32(0))}, &amogatev1.Customer{Name: "a"}, true},
		"no money":            {&amogatev1.Customer{NextPrice: &money.Money{CurrencyCode: "RUB"}}, &amogatev1.Customer{}, true},
		"the currency":        {&amogatev1.Customer{NextPrice: &money.Money{CurrencyCode: "rub", Units: 5}}, &amogatev1.Customer{NextPrice: &money.Money{CurrencyCode: "RUB", Units: 5}}, true},
		"other kopecks":       {&amogatev1.Customer{NextPrice: &money.Money{Units: 5}}, &amogatev1.Customer{NextPrice: &money.Money{Units: 5, Nanos: 1}}, false},
		"lost kopecks":        {&amogatev1.Customer{NextPrice: &money.Money{Units: 5, Nanos: 1}}, &amogatev1.Customer{NextPrice: &money.Money{Units: 5}}, false},
		"tags in any order":   {&amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "x"}, {Name: "y"}}}, &amogatev1.Customer{Tags: []*amogatev1.Tag{{Id: 1, Name: "y"}, {Id: 2, Name: "x"}}}, true},
		"one tag more":        {&amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "x"}}}, &amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "y"}, {Name: "x"}}}, false},
		"contacts":            {&amogatev1.Customer{ContactIds: []int64{1, 2}}, &amogatev1.Customer{ContactIds: []int64{2, 1}}, true},
		"another contact":     {&amogatev1.Customer{ContactIds: []int64{1, 2}}, &amogatev1.Customer{ContactIds: []int64{2, 3}}, false},
		"an option's name":    {withFields(choiceField(1, &amogatev1.Choice{OptionId: 4, Name: "mine"})), withFields(choiceField(1, &amogatev1.Choice{OptionId: 4, Name: "theirs"})), true},
		"another option":      {withFields(choiceField(1, &amogatev1.Choice{OptionId: 4})), withFields(choiceField(1, &amogatev1.Choice{OptionId: 5})), false},
		"a number's spelling": {withFields(number(1, "12.50")), withFields(number(1, "12.5")), true},
		"another number":      {withFields(number(1, "12.50")), withFields(number(1, "12.51")), false},
		"a field more":        {withFields(number(1, "1")), withFields(number(1, "1"), number(2, "2")), false},
		"a cleared field":     {withFields(number(1, "1"), &amogatev1.CustomField{FieldId: 2}), withFields(number(1, "1")), true},
		"an empty checkbox":   {withFields(number(1, "1"), checkbox(false)), withFields(number(1, "1")), true},
		"a shown empty one":   {withFields(number(1, "1")), withFields(number(1, "1"), checkbox(false)), true},
		"a ticked checkbox":   {withFields(checkbox(true)), withFields(), false},
		"a kind by its name": {
			withFields(multitext(&amogatev1.MultitextValue{Kind: "WORK", Value: "+7"})),
			withFields(multitext(&amogatev1.MultitextValue{Kind: "WORK", KindId: 3, Value: "+7"})), true,
		},
		"another kind": {
			withFields(multitext(&amogatev1.MultitextValue{Kind: "WORK", Value: "+7"})),
			withFields(multitext(&amogatev1.MultitextValue{Kind: "MOB", KindId: 4, Value: "+7"})), false,
		},
		"unknown keys":       {withFields(company(map[string]any{"kpp": "5"})), withFields(company(map[string]any{"kpp": "5"})), true},
		"other unknown keys": {withFields(company(map[string]any{"kpp": "5"})), withFields(company(map[string]any{"kpp": "6"})), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := shows(test.row.ProtoReflect(), content(test.sent).ProtoReflect()); got != test.want {
				t.Errorf("shows = %v, want %v", got, test.want)
			}
		})
	}
}

func TestContentKey_isEqualForEqualContent(t *testing.T) {
	t.Parallel()
	a := &amogatev1.Customer{
		Name: "a", NextPrice: &money.Money{CurrencyCode: "RUB", Units: 5}, Tags: []*amogatev1.Tag{{Name: "x"}, {Name: "y"}}, ContactIds: []int64{1, 2},
		CustomFields: []*amogatev1.CustomField{number(1, "1.0"), checkbox(false), choiceField(3, &amogatev1.Choice{OptionId: 4, Name: "n"})},
	}
	b := &amogatev1.Customer{
		Id: 7, Name: "a", NextPrice: &money.Money{Units: 5}, Tags: []*amogatev1.Tag{{Id: 9, Name: "y"}, {Name: "x"}}, ContactIds: []int64{2, 1},
		CustomFields: []*amogatev1.CustomField{choiceField(3, &amogatev1.Choice{OptionId: 4}), number(1, "1")}, CompanyId: new(int64(0)),
	}
	if contentKey(content(a)) != contentKey(content(b)) {
		t.Errorf("%v and %v have different keys", content(a), content(b))
	}
	b.Tags = b.GetTags()[:1]
	if contentKey(content(a)) == contentKey(content(b)) {
		t.Error("a customer with one tag less has the same key")
	}
}
