package samplepage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Account is the id of the account that the rows belong to.
const Account = 30123456

// Ids of the custom fields.
const (
	contract = 4400017 + iota
	area
	consent
	payment
	phone
	signed
	about
)

type object = map[string]any

// list is a JSON array of anything.
type list = []any

// pick draws what differs between rows.
type pick struct{ *rand.Rand }

func (p pick) one(of ...string) string { return of[p.IntN(len(of))] }

// number returns a number of n digits as text.
func (p pick) number(n int) string {
	var digits strings.Builder
	for range n {
		digits.WriteString(strconv.Itoa(1 + p.IntN(9)))
	}
	return digits.String()
}

func (p pick) name() string {
	return p.one("Анна", "Мария", "Игорь", "Сергей", "Ольга", "Павел") + " " +
		p.one("Петрова", "Кузнецова", "Смирнов", "Волков", "Лебедева", "Соколов")
}

func (p pick) text() string {
	var words strings.Builder
	for range 7 {
		words.WriteString(p.one("доставка", "утром", "звонить", "после", "оплаты", "договор", "скидка", "постоянный", "клиент", "склад", "заказ", "повторно") + " ")
	}
	return words.String() + p.number(5)
}

func (p pick) at() int { return 1_500_000_000 + p.IntN(200_000_000) }

// v2Account is the answer to GET /api/v2/account?with=custom_fields.
func v2Account() object {
	field := func(id, kind int, name, code string, enums object) object {
		f := object{"id": id, "name": name, "field_type": kind, "sort": 500, "code": code, "is_multiple": code == "PHONE", "is_system": false, "is_editable": true, "params": object{}}
		if enums != nil {
			f["enums"] = enums
		}
		return f
	}
	fields := object{}
	for _, f := range []object{
		field(contract, 1, "Номер договора", "", nil),
		field(area, 2, "Площадь", "", nil),
		field(consent, 3, "Согласие", "", nil),
		field(payment, 4, "Способ оплаты", "", object{"3692471": "Карта", "3692472": "Наличные"}),
		field(phone, 8, "Телефон", "PHONE", object{"3691615": "WORK", "3691619": "MOB"}),
		field(signed, 6, "Дата договора", "", nil),
		field(about, 9, "Примечание", "", nil),
	} {
		fields[fmt.Sprint(f["id"])] = f
	}
	return object{
		"id": Account, "name": "Север", "subdomain": "north", "currency": "RUB",
		"timezone": "Europe/Moscow", "timezone_offset": "+03:00", "current_user": 504141,
		"_embedded": object{"custom_fields": object{"contacts": list{}, "leads": list{}, "companies": list{}, "customers": fields}},
	}
}

// v4Account is the answer to GET /api/v4/account.
func v4Account() object {
	return object{
		"id": Account, "name": "Север", "subdomain": "north", "currency": "RUB", "country": "RU",
		"current_user_id": 504141, "customers_mode": "segments", "is_api_filter_enabled": false,
		"_embedded": object{"datetime_settings": object{"timezone": "Europe/Moscow", "timezone_offset": "+03:00"}},
	}
}

func v2Row(p pick, id int) object {
	link := func(entity string, id int) object {
		return object{"self": object{"href": fmt.Sprintf("/api/v2/%s?id=%d", entity, id), "method": "get"}}
	}
	field := func(id int, name string, values ...object) object {
		return object{"id": id, "name": name, "values": values, "is_system": false}
	}
	contact, company := p.IntN(1e6)+1e6, p.IntN(1e6)+2e6
	return object{
		"id": id, "name": p.name(), "responsible_user_id": 504141, "created_by": 504141,
		"created_at": p.at(), "updated_at": p.at(), "account_id": Account, "updated_by": 504141, "is_deleted": false,
		"main_contact": object{"id": contact, "_links": link("contacts", contact)},
		"tags": list{
			object{"id": 61869, "name": "постоянный"},
			object{"id": 61870 + p.IntN(9), "name": p.one("опт", "розница", "склад")},
		},
		"custom_fields": list{
			field(contract, "Номер договора", object{"value": "А-" + p.number(6)}),
			field(area, "Площадь", object{"value": p.number(3) + ".5"}),
			field(consent, "Согласие", object{"value": "1"}),
			field(payment, "Способ оплаты", object{"value": "Карта", "enum": "3692471"}),
			field(phone, "Телефон", object{"value": "+7903" + p.number(7), "enum": "3691615"}, object{"value": "+7916" + p.number(7), "enum": "3691619"}),
			field(signed, "Дата договора", object{"value": fmt.Sprintf("20%d-0%d-1%d 00:00:00", 10+p.IntN(15), 1+p.IntN(9), p.IntN(10))}),
			field(about, "Примечание", object{"value": p.text()}),
		},
		"contacts":   object{"id": list{contact, contact + 1}, "_links": link("contacts", contact)},
		"company":    object{"id": company, "name": "ООО " + p.name(), "_links": link("companies", company)},
		"next_price": p.IntN(1e6), "closest_task_at": p.at(), "period_id": 112804, "periodicity": 30, "next_date": p.at(),
		"_links": link("customers", id),
	}
}

func v4Row(p pick, id int) object {
	// v4 says more of each field: six of them make a row of the same size.
	link := func(entity string, id int) object {
		return object{"self": object{"href": fmt.Sprintf("https://north.amocrm.ru/api/v4/%s/%d", entity, id)}}
	}
	field := func(id int, name, kind string, values ...object) object {
		return object{"field_id": id, "field_name": name, "field_code": nil, "field_type": kind, "values": values}
	}
	choice := func(value string, id int, code any) object {
		return object{"value": value, "enum_id": id, "enum_code": code}
	}
	contact, company := p.IntN(1e6)+1e6, p.IntN(1e6)+2e6
	phones := field(phone, "Телефон", "multitext", choice("+7903"+p.number(7), 311001, "WORK"), choice("+7916"+p.number(7), 311003, "MOB"))
	phones["field_code"] = "PHONE"
	return object{
		"id": id, "name": p.name(), "next_price": p.IntN(1e6), "next_date": p.at(), "responsible_user_id": 504141,
		"status_id": 61200044, "periodicity": 30, "created_by": 504141, "updated_by": 504141,
		"created_at": p.at(), "updated_at": p.at(), "closest_task_at": p.at(), "is_deleted": false,
		"custom_fields_values": list{
			field(contract, "Номер договора", "text", object{"value": "А-" + p.number(6)}),
			field(consent, "Согласие", "checkbox", object{"value": true}),
			field(payment, "Способ оплаты", "select", choice("Карта", 3692471, nil)),
			phones,
			field(signed, "Дата договора", "date", object{"value": p.at()}),
			field(about, "Примечание", "textarea", object{"value": p.text()}),
		},
		"ltv": p.IntN(1e6), "purchases_count": p.IntN(20), "average_check": p.IntN(1e5), "account_id": Account,
		"_links": link("customers", id),
		"_embedded": object{
			"segments":         list{object{"id": 51, "_links": link("customers/segments", 51)}},
			"tags":             list{object{"id": 330721, "name": "постоянный", "color": nil}},
			"contacts":         list{object{"id": contact, "is_main": true, "_links": link("contacts", contact)}},
			"companies":        list{object{"id": company, "_links": link("companies", company)}},
			"catalog_elements": list{},
		},
	}
}

// V2Account returns the answer to GET /api/v2/account?with=custom_fields.
func V2Account() []byte { return encode(v2Account()) }

// V4Account returns the answer to GET /api/v4/account, without paid filters.
func V4Account() []byte { return encode(v4Account()) }

// V2Customers returns a page of GET /api/v2/customers: n rows with ascending ids
// from first.
func V2Customers(first, n int) []byte {
	return encode(object{
		"_links":    object{"self": object{"href": "/api/v2/customers", "method": "get"}},
		"_embedded": object{"items": rows(first, n, v2Row)},
	})
}

// V4Customers returns page number page of GET /api/v4/customers: n rows with
// ascending ids from first. It announces a next page where more is set.
func V4Customers(page, first, n int, more bool) []byte {
	links := object{"self": object{"href": address(page, n)}}
	if more {
		links["next"] = object{"href": address(page+1, n)}
	}
	return encode(object{"_page": page, "_links": links, "_embedded": object{"customers": rows(first, n, v4Row)}})
}

func address(page, limit int) string {
	return fmt.Sprintf("https://north.amocrm.ru/api/v4/customers?page=%d&limit=%d", page, limit)
}

func rows(first, n int, row func(pick, int) object) []object {
	all := make([]object, n)
	for i := range all {
		id := first + i
		all[i] = row(pick{rand.New(rand.NewPCG(1, uint64(id)))}, id) //nolint:gosec // the same rows every time
	}
	return all
}

// Plain returns a page with its letters and slashes as they are, in UTF-8.
func Plain(page []byte) []byte {
	var v any
	dec := json.NewDecoder(bytes.NewReader(page))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		panic(err) // the page is one of this package
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(out.Bytes())
}

// encode writes v as PHP does.
func encode(v any) []byte {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps, slices, texts and numbers
	}
	var out bytes.Buffer
	for i := 0; i < len(plain); {
		r, size := utf8.DecodeRune(plain[i:])
		switch {
		case r == '/':
			out.WriteString(`\/`)
		case r < utf8.RuneSelf:
			out.WriteByte(plain[i])
		default:
			code := strconv.FormatInt(int64(r), 16)
			out.WriteString(`\u` + "0000"[len(code):] + code) // the texts hold no rune of five digits
		}
		i += size
	}
	return out.Bytes()
}
