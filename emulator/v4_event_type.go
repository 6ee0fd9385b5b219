package emulator

import "slices"

// eventType is a kind of events as the list of them has it.
type eventType struct {
	key              string
	number           int64
	russian, english string
}

// eventTypes are the kinds that happen here and those whose numbers are known. Nobody recorded the numbers from
// firstOwnNumber on.
var eventTypes = []eventType{
	{"lead_added", 1, "Новая сделка", "Lead added"},
	{"lead_deleted", 7, "Сделка удалена", "Lead deleted"},
	{"lead_status_changed", 14, "Изменение этапа продажи", "Lead status changed"},
	{eventFieldChanged, 24, "Изменение поля", "Field changed"},
	{"entity_responsible_changed", 25, "Ответственный изменён", "Responsible user changed"},
	{"common_note_added", 27, "Новое примечание", "Note added"},
	{"attachment_note_added", 28, "Добавлен файл", "File added"},
	{"customer_status_changed", 57, "Изменение этапа покупателя", "Customer status changed"},
	{"entity_tag_added", 63, "Теги добавлены", "Tags added"},
	{"entity_tag_deleted", 64, "Теги убраны", "Tags removed"},
	{"sale_field_changed", 69, "Изменение бюджета", "Budget changed"},
	{"name_field_changed", 70, "Изменение названия", "Name changed"},
	{"entity_linked", 72, "Прикрепление", "Linked"},
	{"incoming_chat_message", 89, "Входящее сообщение", "Incoming message"},
	{"outgoing_chat_message", 90, "Исходящее сообщение", "Outgoing message"},
	{"entity_merged", 92, "Объединение", "Merged"},
	{"talk_closed", 120, "Беседа закрыта", "Talk closed"},

	{eventCustomerAdded, firstOwnNumber, "Новый покупатель", "Customer added"},
	{eventCustomerDeleted, firstOwnNumber + 1, "Покупатель удалён", "Customer deleted"},
	{"transaction_added", firstOwnNumber + 2, "Добавлена покупка", "Purchase added"},
	{"contact_linked", firstOwnNumber + 3, "Прикрепление контакта", "Contact linked"},
	{"contact_unlinked", firstOwnNumber + 4, "Открепление контакта", "Contact unlinked"},
	{"company_linked", firstOwnNumber + 5, "Прикрепление компании", "Company linked"},
	{"company_unlinked", firstOwnNumber + 6, "Открепление компании", "Company unlinked"},
	{eventNoteDeleted, firstOwnNumber + 7, "Примечание удалено", "Note deleted"},
	{"task_result_added", firstOwnNumber + 8, "Результат по задаче", "Task result added"},
	{"incoming_call", firstOwnNumber + 9, "Входящий звонок", "Incoming call"},
	{"outgoing_call", firstOwnNumber + 10, "Исходящий звонок", "Outgoing call"},
	{"geo_note_added", firstOwnNumber + 11, "Новое примечание с гео-меткой", "Location added"},
	{"link_followed", firstOwnNumber + 12, "Переход по ссылке", "Link followed"},
	{"message_to_cashier_note_added", firstOwnNumber + 13, "Сообщение кассиру", "Message to the cashier"},
	{"service_note_added", firstOwnNumber + 14, "Новое системное примечание", "Service note added"},
	{"site_visit_note_added", firstOwnNumber + 15, "Заход на сайт", "Site visit"},
	{"incoming_sms", firstOwnNumber + 16, "Входящее SMS", "Incoming SMS"},
	{"outgoing_sms", firstOwnNumber + 17, "Исходящее SMS", "Outgoing SMS"},
	{"targeting_in_note_added", firstOwnNumber + 18, "Добавление в ретаргетинг", "Added to retargeting"},
	{"targeting_out_note_added", firstOwnNumber + 19, "Удаление из ретаргетинга", "Removed from retargeting"},
}

const firstOwnNumber = 1001

// listEventTypes answers GET /api/v4/events/types. Spanish and Portuguese names are the English ones.
func (c *call) listEventTypes() (*reply, error) {
	if err := c.checkEvents(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("language_code"); err != nil {
		return nil, err
	}
	language := c.e.config.Language
	if n := c.query.get("language_code"); n != nil {
		if slices.Contains([]string{"ru", "en", "es", "pt"}, n.str()) {
			language = n.str()
		} else if err := c.ignored("language_code: %q is unknown", n.str()); err != nil {
			return nil, err
		}
	}
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", int64(len(eventTypes)))
	w.selfLink(c.absolute(c.requestPath()))
	w.embedded("events_types", len(eventTypes), func(i int) {
		t := eventTypes[i]
		name := t.english
		if language == "ru" {
			name = t.russian
		}
		w.open('{')
		w.keyText("key", t.key)
		w.keyInteger("type", t.number)
		w.keyText("lang", name)
		w.close('}')
	})
	w.close('}')
	return c.halReply(w.buf), nil
}
