package emulator

import (
	"net/http"
	"slices"
)

var v4AccountRoutes = []v4Route{
	{http.MethodGet, "/api/v4/account", OpV4Account, (*call).readAccountV4},
}

// v4AccountParts are what `with` can add to the account.
var v4AccountParts = []string{
	"amojo_id", "uuid", "amojo_rights", "users_groups", "task_types", "version", "entity_names", "datetime_settings",
	"drive_url", "is_api_filter_enabled", "invoices_settings",
}

// readAccountV4 answers GET /api/v4/account.
func (c *call) readAccountV4() (*reply, error) {
	if err := c.checkQuery("with"); err != nil {
		return nil, err
	}
	with, err := c.readWithV4(v4AccountParts...)
	if err != nil {
		return nil, err
	}
	config := c.e.config
	var w jsonWriter
	w.open('{')
	w.keyInteger("id", config.AccountID)
	w.keyText("name", config.AccountName)
	w.keyText("subdomain", c.e.subdomain())
	w.keyText("language", config.Language)
	w.keyInteger("created_at", 1600000000)
	w.keyInteger("created_by", 0)
	w.keyInteger("updated_at", 1717000000)
	w.keyInteger("updated_by", config.UserID)
	w.keyInteger("current_user_id", config.UserID)
	w.keyText("country", "RU")
	w.keyText("currency", config.Currency)
	w.keyText("currency_symbol", "₽")
	w.keyText("customers_mode", string(c.e.CustomersMode()))
	w.keyBool("is_unsorted_on", true)
	w.keyInteger("mobile_feature_version", 0)
	w.keyBool("is_loss_reason_enabled", true)
	w.keyBool("is_helpbot_enabled", false)
	w.keyBool("is_technical_account", false)
	w.keyInteger("contact_name_display_order", 1)
	for _, part := range v4AccountParts {
		if slices.Contains(with, part) {
			c.writeAccountMember(&w, part)
		}
	}
	w.selfLink(c.absolute("/api/v4/account"))
	c.writeAccountEmbedded(&w, with)
	w.close('}')
	return c.halReply(w.buf), nil
}

// writeAccountMember writes what `with` adds to the account itself.
func (c *call) writeAccountMember(w *jsonWriter, part string) {
	switch part {
	case "amojo_id":
		w.keyText(part, "1c2d3e4f-5a6b-4c7d-8e9f-a0b1c2d3e4f5")
	case "uuid":
		w.keyText(part, "6f1d0c52-9b7e-4a38-8d21-c4e5f60718a9")
	case "version":
		w.keyInteger(part, 16)
	case "entity_names":
		writeEntityNames(w)
	case "drive_url":
		w.keyText(part, "https://drive-b.amocrm.ru")
	case "is_api_filter_enabled":
		w.keyBool(part, !c.e.config.FiltersOff)
	case "invoices_settings":
		w.key(part)
		w.open('{')
		w.keyText("lang", c.e.config.Language)
		w.keyInteger("invoices_catalog_id", seedInvoices)
		w.close('}')
	}
}

// seedInvoices is the catalogue of invoices.
const seedInvoices = seedCatalog + 2

func writeEntityNames(w *jsonWriter) {
	w.key("entity_names")
	w.open('{')
	w.key("leads")
	w.open('{')
	for _, lang := range []struct{ name, gender, one, many string }{
		{"ru", "f", "Сделка", "Сделки"},
		{"en", "unknown", "Lead", "Leads"},
		{"es", "m", "Lead", "Leads"},
	} {
		w.key(lang.name)
		w.open('{')
		w.keyText("gender", lang.gender)
		w.key("singular_form")
		w.open('{')
		w.keyText("default", lang.one)
		w.close('}')
		w.key("plural_form")
		w.open('{')
		w.keyText("default", lang.many)
		w.close('}')
		w.close('}')
	}
	w.close('}')
	w.close('}')
}

// writeAccountEmbedded writes what `with` adds to _embedded, which is absent when that is nothing.
func (c *call) writeAccountEmbedded(w *jsonWriter, with []string) {
	parts := []string{"amojo_rights", "users_groups", "task_types", "datetime_settings"}
	if !slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(with, part) }) {
		return
	}
	w.key("_embedded")
	w.open('{')
	for _, part := range parts {
		if slices.Contains(with, part) {
			c.writeAccountPartV4(w, part)
		}
	}
	w.close('}')
}

func (c *call) writeAccountPartV4(w *jsonWriter, part string) {
	switch part {
	case "amojo_rights":
		w.key(part)
		w.open('{')
		w.keyBool("can_direct", true)
		w.keyBool("can_create_groups", true)
		w.close('}')
	case "users_groups":
		names := []string{c.inLanguage("Отдел продаж", "Sales"), c.inLanguage("Поддержка", "Support")}
		w.list(part, len(names), func(i int) {
			w.open('{')
			w.keyInteger("id", int64(i)) // group 0 is real
			w.keyText("name", names[i])
			w.keyRaw("uuid", "null")
			w.close('}')
		})
	case "task_types":
		types := []struct{ name, code string }{
			{c.inLanguage("Связаться", "Follow up"), "FOLLOW_UP"},
			{c.inLanguage("Встреча", "Meeting"), "MEETING"},
			{c.inLanguage("Письмо", "Letter"), ""},
		}
		w.list(part, len(types), func(i int) {
			w.open('{')
			w.keyInteger("id", int64(i+1))
			w.keyText("name", types[i].name)
			w.keyRaw("color", "null")
			w.keyRaw("icon_id", "null")
			w.keyText("code", types[i].code)
			w.close('}')
		})
	case "datetime_settings":
		w.key(part)
		w.open('{')
		w.keyText("date_pattern", "d.m.Y H:i")
		w.keyText("short_date_pattern", "d.m.Y")
		w.keyText("short_time_pattern", "H:i")
		w.keyText("date_format", "d.m.Y")
		w.keyText("time_format", "H:i:s")
		w.keyText("timezone", c.e.config.TimeZone)
		w.keyText("timezone_offset", c.now.In(c.e.zone).Format("-07:00"))
		w.close('}')
	}
}

// inLanguage chooses a name by the language of the account.
func (c *call) inLanguage(russian, english string) string {
	if c.e.config.Language == "ru" {
		return russian
	}
	return english
}
