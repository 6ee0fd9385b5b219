package emulator

import (
	"slices"
	"strings"
)

// paramKind is what a param of a note holds.
type paramKind uint8

const (
	paramText paramKind = iota
	paramInteger
	paramTextOrInteger
	paramBool
	paramAny // an object or whatever: nobody described it
)

// noteParam is one key of a note's params as generation v4 knows it.
type noteParam struct {
	name     string
	kind     paramKind
	required bool
	notBlank bool
	min, max int64    // of an integer, where max is not 0
	choices  []string // of a text
	old      string   // the key of generation v2 where it is another word, in capitals
	readOnly bool     // answered by generation v4, not accepted
	oldOnly  bool     // neither answered nor accepted by v4
}

// noteType is a type of notes: the word of generation v4 and the number of generation v2 mean the same note.
type noteType struct {
	word string
	code int64 // 0: generation v2 has none, and does not show such notes
	// params are the known keys in the order they are written.
	params []noteParam
	// asText: generation v2 shows the param text as the note's own text and has no params.
	asText bool
	// fixed is the text generation v2 shows for a note that has none of its own.
	fixed string
	// createOld, create: notes of the type can be made by generation v2, by v4.
	createOld, create bool
	// editable in generation v4; v2 changes common notes only.
	editable bool
	// owners are the kinds that have such notes in a seeded account; nil: all but tasks.
	owners []ParentKind
}

const objectAdded = "Добавлен новый объект"

// Words of types the code speaks of.
const (
	noteCommon          = "common"
	noteTaskResult      = "task_result"
	noteStatusChanged   = "lead_status_changed"
	noteAttachment      = "attachment"
	noteCustomerCreated = "customer_created"
	noteTransaction     = "transaction"
)

var (
	callParams = []noteParam{
		{name: "uniq", old: "UNIQ"},
		{name: "duration", kind: paramInteger, required: true, old: "DURATION"},
		{name: "source", required: true, notBlank: true, old: "SRC"},
		{name: "link", old: "LINK"},
		{name: "phone", old: "PHONE"},
		{name: "call_responsible", kind: paramTextOrInteger},
		{name: "call_result"},
		{name: "call_status", kind: paramInteger, min: 1, max: 7},
		{name: "from", old: "FROM", oldOnly: true},
		{name: "text", oldOnly: true},
	}
	textParams    = []noteParam{{name: "text", required: true}}
	serviceParams = []noteParam{{name: "service", required: true}, {name: "text", required: true}}
	smsParams     = []noteParam{{name: "text"}, {name: "phone"}}
	paidParams    = []noteParam{{name: "service"}, {name: "text"}, {name: "icon_url"}}
	adParams      = []noteParam{{name: "contacts", kind: paramAny}, {name: "campaign", kind: paramAny}, {name: "service"}}
	mailParams    = []noteParam{
		{name: "thread_id", kind: paramInteger},
		{name: "message_id", kind: paramInteger},
		{name: "private", kind: paramBool},
		{name: "income", kind: paramBool},
		{name: "from", kind: paramAny},
		{name: "to", kind: paramAny},
		{name: "subject"},
		{name: "content_summary"},
		{name: "attach_cnt", kind: paramInteger},
		{name: "delivery", kind: paramAny},
	}
)

// noteTypes are all types, those with numbers first.
var noteTypes = []noteType{
	{word: "lead_created", code: 1, asText: true, fixed: objectAdded, owners: []ParentKind{ParentLead}},
	{word: "contact_created", code: 2, asText: true, fixed: objectAdded, owners: []ParentKind{ParentContact}},
	{word: noteStatusChanged, code: 3, owners: []ParentKind{ParentLead}, params: []noteParam{
		{name: "STATUS_NEW", kind: paramInteger},
		{name: "STATUS_OLD", kind: paramInteger},
		{name: "TEXT"},
		{name: "PIPELINE_ID_OLD", kind: paramInteger},
		{name: "PIPELINE_ID_NEW", kind: paramInteger},
		{name: "LOSS_REASON_ID", kind: paramInteger},
	}},
	{word: noteCommon, code: 4, asText: true, createOld: true, create: true, editable: true, params: textParams},
	{word: noteAttachment, code: 5, asText: true, create: true, editable: true, params: []noteParam{
		{name: "is_drive_attachment", kind: paramBool, readOnly: true},
		{name: "text", readOnly: true},
		{name: "original_name", readOnly: true},
		{name: "attachment", readOnly: true},
		{name: "file_uuid", required: true, notBlank: true},
		{name: "version_uuid"},
		{name: "file_name", required: true, notBlank: true},
	}},
	{word: "call", code: 6, asText: true},
	{word: "mail_message", code: 7, params: mailParams},
	{word: "mail_message_attachment", code: 8, asText: true},
	{word: "external_attach", code: 9, asText: true},
	{word: "call_in", code: 10, createOld: true, create: true, editable: true, params: callParams},
	{word: "call_out", code: 11, createOld: true, create: true, editable: true, params: callParams},
	{word: "company_created", code: 12, asText: true, fixed: objectAdded, owners: []ParentKind{ParentCompany}},
	{word: noteTaskResult, code: 13, asText: true, createOld: true, params: textParams, owners: []ParentKind{ParentTask}},
	{word: "main_user_changed", code: 14, asText: true, fixed: "Изменён ответственный"},
	{word: "amomail_message", code: 15, params: mailParams},
	{word: "site_visit", code: 16, create: true, params: []noteParam{{name: "url"}}},
	{word: "chat", code: 17, asText: true},
	{word: "lead_auto_created", code: 20, params: []noteParam{
		{name: "type", kind: paramAny},
		{name: "lead_type"},
		{name: "lead_id", kind: paramInteger},
		{name: "link", kind: paramAny},
	}},
	{word: noteCustomerCreated, code: 22, asText: true, fixed: objectAdded, owners: []ParentKind{ParentCustomer}},
	{word: noteTransaction, code: 23, owners: []ParentKind{ParentCustomer}, params: []noteParam{
		{name: "transaction_id", kind: paramInteger},
	}},
	{word: "geolocation", code: 24, create: true, editable: true, params: []noteParam{
		{name: "text"}, {name: "address"}, {name: "longitude"}, {name: "latitude"},
	}},
	{word: "service_message", code: 25, createOld: true, create: true, editable: true, params: serviceParams},
	{word: "targeting_in", code: 26, create: true, params: adParams},
	{word: "targeting_out", code: 27, create: true, params: adParams},
	{word: "message_cashier", code: 28, create: true, editable: true, params: []noteParam{
		{name: "status", choices: []string{"created", "shown", "canceled"}}, {name: "text"},
	}},
	{word: "invoice_paid", code: 29, create: true, params: paidParams},
	{word: "link_followed", code: 32, params: []noteParam{{name: "url"}}},
	{word: "extended_service_message", code: 34, create: true, editable: true, params: serviceParams},
	{word: "zoom_meeting", code: 35, create: true, params: []noteParam{
		{name: "conference", kind: paramAny}, {name: "recordings", kind: paramAny},
	}},
	{word: "bill_paid", code: 36, create: true, params: paidParams},
	{word: "key_action_completed", code: 37},
	{word: "max_system", code: 99, asText: true},
	{word: "dropbox_attachment", code: 101, params: []noteParam{{name: "link"}, {name: "filename"}}},
	{word: "sms_in", code: 102, createOld: true, create: true, editable: true, params: smsParams},
	{word: "sms_out", code: 103, createOld: true, create: true, editable: true, params: smsParams},
	{word: "ai_result", create: true, params: []noteParam{
		{name: "text"}, {name: "answer_id"}, {name: "talk_id", kind: paramInteger}, {name: "is_error", kind: paramBool},
	}},
	{word: "customer_status_changed", owners: []ParentKind{ParentCustomer}},
	{word: "dp_tags_added"},
	{word: "dp_tags_removed"},
}

// noteTypeNamed returns the type with a word, nil when there is none.
func noteTypeNamed(word string) *noteType {
	i := slices.IndexFunc(noteTypes, func(t noteType) bool { return t.word == word })
	if i < 0 {
		return nil
	}
	return &noteTypes[i]
}

// noteTypeNumbered returns the type with a number, nil when there is none.
func noteTypeNumbered(code int64) *noteType {
	i := slices.IndexFunc(noteTypes, func(t noteType) bool { return t.code == code && code != 0 })
	if i < 0 {
		return nil
	}
	return &noteTypes[i]
}

// fits tells whether notes of the type hang on records of a kind. Only the results of tasks are bound to theirs.
func (t *noteType) fits(kind ParentKind) bool {
	return (t.word == noteTaskResult) == (kind == ParentTask)
}

// seededOn tells whether a seeded account has such notes on records of a kind.
func (t *noteType) seededOn(kind ParentKind) bool {
	if t.owners == nil {
		return kind != ParentTask
	}
	return slices.Contains(t.owners, kind)
}

// param returns the param with a name of generation v4, nil when there is none.
func (t *noteType) param(name string) *noteParam {
	i := slices.IndexFunc(t.params, func(p noteParam) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return &t.params[i]
}

// oldParam returns the param with a key of generation v2, whose case means nothing, nil when there is none.
func (t *noteType) oldParam(key string) *noteParam {
	i := slices.IndexFunc(t.params, func(p noteParam) bool {
		return strings.EqualFold(p.name, key) || p.old != "" && strings.EqualFold(p.old, key)
	})
	if i < 0 {
		return nil
	}
	return &t.params[i]
}
