package emulator

import (
	"slices"
	"strconv"
)

// accountParts are what `with` can add to the account, in the order they are answered.
var accountParts = []string{"custom_fields", "users", "pipelines", "groups", "note_types", "task_types"}

// readAccount answers GET /api/v2/account. The containers are lists or objects as recorded; the documents print
// others, which Config.DocumentedAccount gives.
func (c *call) readAccount() (*reply, error) {
	if err := c.checkQuery("with", "free_users"); err != nil {
		return nil, err
	}
	with := c.query.get("with").list()
	for _, name := range with {
		if !slices.Contains(accountParts, name) {
			if err := c.ignored("with: %q is unknown", name); err != nil {
				return nil, err
			}
		}
	}
	config := c.e.config
	var w jsonWriter
	w.open('{')
	w.self(c.href(), "get")
	w.keyInteger("id", config.AccountID)
	w.keyText("name", config.AccountName)
	w.keyText("subdomain", c.e.subdomain())
	w.keyText("currency", config.Currency)
	w.keyText("timezone", config.TimeZone)
	w.keyText("timezone_offset", c.now.In(c.e.zone).Format("-07:00"))
	w.keyText("language", config.Language)
	w.key("date_pattern")
	w.open('{')
	w.keyText("date", "d.m.Y")
	w.keyText("time", "H:i")
	w.keyText("date_time", "d.m.Y H:i")
	w.keyText("time_full", "H:i:s")
	w.close('}')
	w.keyInteger("current_user", config.UserID)
	if slices.ContainsFunc(with, func(name string) bool { return slices.Contains(accountParts, name) }) {
		w.key("_embedded")
		w.open('{')
		for _, part := range accountParts {
			if slices.Contains(with, part) {
				w.key(part)
				c.writeAccountPart(&w, part)
			}
		}
		w.close('}')
	}
	w.close('}')
	return c.halReply(w.buf), nil
}

func (c *call) writeAccountPart(w *jsonWriter, part string) {
	switch part {
	case "custom_fields":
		c.writeFieldDefinitions(w)
	case "users":
		c.writeUsers(w)
	case "pipelines":
		c.writePipelines(w)
	case "groups": // a list in both forms; group 0 is real
		w.open('[')
		for id, name := range []string{"Отдел продаж", "Поддержка"} {
			w.open('{')
			w.keyInteger("id", int64(id))
			w.keyText("name", name)
			w.close('}')
		}
		w.close(']')
	case "note_types":
		c.writeNoteTypes(w)
	case "task_types":
		c.writeTaskTypes(w)
	}
}

// writeByID writes things as an object by id or, as the documents print most of them, as a list.
func (c *call) writeByID(w *jsonWriter, n int, id func(int) int64, write func(int)) {
	switch {
	case n == 0:
		w.raw("[]") // an empty object is an empty list on the service's side
	case c.e.config.DocumentedAccount:
		w.open('[')
		for i := range n {
			write(i)
		}
		w.close(']')
	default:
		w.open('{')
		for i := range n {
			w.key(strconv.FormatInt(id(i), 10))
			write(i)
		}
		w.close('}')
	}
}

// The account's other fields; phone and e-mail are the same definitions in both.
var (
	sharedFields = []Field{
		{ID: 1249303, Name: "Телефон", Code: "PHONE", Type: FieldMultitext, System: true, Enums: []Enum{
			{3689001, "WORK"}, {3689003, "WORKDD"}, {3689005, "MOB"}, {3689007, "FAX"}, {3689009, "HOME"}, {3689011, "OTHER"},
		}},
		{ID: 1249305, Name: "Email", Code: "EMAIL", Type: FieldMultitext, System: true, Enums: []Enum{
			{3689021, "WORK"}, {3689023, "PRIV"}, {3689025, "OTHER"},
		}},
	}
	contactFields = append([]Field{
		{ID: 1249301, Name: "Должность", Code: "POSITION", Type: FieldText, System: true},
	}, sharedFields...)
	companyFields = append([]Field{
		{ID: 1249307, Name: "Web", Code: "WEB", Type: FieldURL, System: true},
		{ID: 1249309, Name: "Адрес", Code: "ADDRESS", Type: FieldTextarea, System: true},
	}, sharedFields...)
)

func (c *call) writeFieldDefinitions(w *jsonWriter) {
	own := slices.DeleteFunc(c.e.Fields(), func(f Field) bool { return !f.Type.inV2() })
	w.open('{')
	for _, entity := range []struct {
		name   string
		fields []Field
	}{
		{"contacts", contactFields}, {"leads", nil}, {"companies", companyFields}, {"customers", own},
	} {
		w.key(entity.name)
		c.writeByID(w, len(entity.fields),
			func(i int) int64 { return entity.fields[i].ID },
			func(i int) { c.writeField(w, &entity.fields[i], i) })
	}
	w.keyRaw("catalogs", "[]")
	w.close('}')
}

func (c *call) writeField(w *jsonWriter, f *Field, place int) {
	w.open('{')
	w.keyInteger("id", f.ID)
	w.keyText("name", f.Name)
	w.keyInteger("field_type", int64(f.Type))
	w.keyInteger("sort", int64(place+1)*10)
	w.keyText("code", f.Code)
	w.keyBool("is_multiple", f.Type == FieldMultitext)
	w.keyBool("is_system", f.System)
	w.keyBool("is_editable", true)
	w.keyBool("is_required", false)
	w.keyBool("is_deletable", !f.System)
	w.keyBool("is_visible", true)
	w.keyRaw("params", "{}")
	if len(f.Enums) > 0 {
		w.key("enums")
		if c.e.config.DocumentedAccount {
			w.open('[')
			for _, e := range f.Enums {
				w.open('{')
				w.keyInteger("id", e.ID)
				w.keyText("value", e.Value)
				w.close('}')
			}
			w.close(']')
		} else {
			w.open('{')
			for _, e := range f.Enums {
				w.keyText(strconv.FormatInt(e.ID, 10), e.Value)
			}
			w.close('}')
		}
	}
	w.close('}')
}

// writeUsers writes the account's users, an object by id in both forms; the free one only when asked for.
func (c *call) writeUsers(w *jsonWriter) {
	users := []struct {
		name, last, phone string
		free              bool
	}{
		{"Анна", "Соколова", "+79000000001", false},
		{"Иван", "", "", false},
		{"Grace", "Turner", "", false},
		{"Павел", "", "", true},
	}
	ids := c.e.customers.seed.users
	w.open('{')
	for i, u := range users {
		if u.free && c.query.get("free_users").str() != "Y" {
			continue
		}
		login := "user" + strconv.Itoa(i) + "@example.com"
		if i == 0 {
			login = c.e.config.Login
		}
		w.key(strconv.FormatInt(ids[i], 10))
		w.open('{')
		w.keyInteger("id", ids[i])
		w.keyText("name", u.name)
		w.keyText("last_name", u.last)
		w.keyText("login", login)
		w.keyText("language", c.e.config.Language)
		w.keyInteger("group_id", int64(i%2))
		w.keyBool("is_active", true)
		w.keyBool("is_free", u.free)
		w.keyBool("is_admin", i == 0)
		w.keyText("phone_number", u.phone)
		w.key("rights")
		w.open('{')
		for _, right := range []string{"mail", "incoming_leads", "catalogs"} {
			w.keyText(right, "A")
		}
		for _, entity := range []string{"lead", "contact", "company"} {
			for _, action := range []string{"add", "view", "edit", "delete", "export"} {
				w.keyText(entity+"_"+action, "A")
			}
		}
		if !c.e.config.DocumentedAccount {
			w.keyText("task_edit", "A")
			w.keyText("task_delete", "A")
		}
		w.close('}')
		w.close('}')
	}
	w.close('}')
}

// writePipelines writes one pipeline, an object by id in both forms.
func (c *call) writePipelines(w *jsonWriter) {
	const id = 3186496
	w.open('{')
	w.key(strconv.Itoa(id))
	w.open('{')
	w.keyInteger("id", id)
	w.keyText("name", "Воронка")
	w.keyInteger("sort", 1)
	w.keyBool("is_main", true)
	w.key("statuses")
	w.open('{')
	for _, s := range []struct {
		id       int64
		name     string
		color    string
		sort     int64
		editable bool
	}{
		{32392156, "Неразобранное", "#c1c1c1", 10, false},
		{32392159, "Первичный контакт", "#99ccff", 20, true},
		{32392162, "Переговоры", "#ffff99", 30, true},
		{142, "Успешно реализовано", "#CCFF66", 10000, false},
		{143, "Закрыто и не реализовано", "#D5D8DB", 11000, false},
	} {
		w.key(strconv.FormatInt(s.id, 10))
		w.open('{')
		w.keyInteger("id", s.id)
		w.keyText("name", s.name)
		w.keyText("color", s.color)
		w.keyInteger("sort", s.sort)
		c.writeEditable(w, s.editable)
		w.close('}')
	}
	w.close('}')
	w.self("/api/v2/pipelines?id="+strconv.Itoa(id), "get")
	w.close('}')
	w.close('}')
}

func (c *call) writeEditable(w *jsonWriter, editable bool) {
	switch {
	case !c.e.config.DocumentedAccount:
		w.keyBool("is_editable", editable)
	case editable:
		w.keyText("editable", "Y")
	default:
		w.keyText("editable", "N")
	}
}

func (c *call) writeNoteTypes(w *jsonWriter) {
	types := []struct {
		id       int64
		code     string
		editable bool
	}{
		{1, "DEAL_CREATED", false},
		{3, "DEAL_STATUS_CHANGED", false},
		{4, "COMMON", true},
		{10, "CALL_IN", true},
		{11, "CALL_OUT", true},
		{25, "SYSTEM", true},
		{102, "SMS_IN", true},
		{103, "SMS_OUT", true},
	}
	c.writeByID(w, len(types), func(i int) int64 { return types[i].id }, func(i int) {
		w.open('{')
		w.keyInteger("id", types[i].id)
		if c.e.config.DocumentedAccount {
			w.keyText("name", "")
		}
		w.keyText("code", types[i].code)
		c.writeEditable(w, types[i].editable)
		w.close('}')
	})
}

func (c *call) writeTaskTypes(w *jsonWriter) {
	names := []string{"Связаться", "Встреча", "Письмо"}
	c.writeByID(w, len(names), func(i int) int64 { return int64(i + 1) }, func(i int) {
		w.open('{')
		w.keyInteger("id", int64(i+1))
		w.keyText("name", names[i])
		if !c.e.config.DocumentedAccount {
			w.keyRaw("color", "null")
			w.keyInteger("icon_id", 0)
		}
		w.close('}')
	})
}
