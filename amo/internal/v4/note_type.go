package v4

import amogatev1 "github.com/amogate/amogate/gen/amogate/v1"

// noteWords are upstream's words for the types of notes.
var noteWords = map[amogatev1.NoteType]string{
	amogatev1.NoteType_NOTE_TYPE_LEAD_CREATED:             "lead_created",
	amogatev1.NoteType_NOTE_TYPE_CONTACT_CREATED:          "contact_created",
	amogatev1.NoteType_NOTE_TYPE_LEAD_STATUS_CHANGED:      "lead_status_changed",
	amogatev1.NoteType_NOTE_TYPE_COMMON:                   "common",
	amogatev1.NoteType_NOTE_TYPE_ATTACHMENT:               "attachment",
	amogatev1.NoteType_NOTE_TYPE_CALL:                     "call",
	amogatev1.NoteType_NOTE_TYPE_MAIL_MESSAGE:             "mail_message",
	amogatev1.NoteType_NOTE_TYPE_MAIL_MESSAGE_ATTACHMENT:  "mail_message_attachment",
	amogatev1.NoteType_NOTE_TYPE_EXTERNAL_ATTACHMENT:      "external_attach",
	amogatev1.NoteType_NOTE_TYPE_CALL_IN:                  "call_in",
	amogatev1.NoteType_NOTE_TYPE_CALL_OUT:                 "call_out",
	amogatev1.NoteType_NOTE_TYPE_COMPANY_CREATED:          "company_created",
	amogatev1.NoteType_NOTE_TYPE_TASK_RESULT:              "task_result",
	amogatev1.NoteType_NOTE_TYPE_RESPONSIBLE_USER_CHANGED: "main_user_changed",
	amogatev1.NoteType_NOTE_TYPE_AMOMAIL_MESSAGE:          "amomail_message",
	amogatev1.NoteType_NOTE_TYPE_SITE_VISIT:               "site_visit",
	amogatev1.NoteType_NOTE_TYPE_CHAT:                     "chat",
	amogatev1.NoteType_NOTE_TYPE_LEAD_AUTO_CREATED:        "lead_auto_created",
	amogatev1.NoteType_NOTE_TYPE_CUSTOMER_CREATED:         "customer_created",
	amogatev1.NoteType_NOTE_TYPE_TRANSACTION:              "transaction",
	amogatev1.NoteType_NOTE_TYPE_GEOLOCATION:              "geolocation",
	amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE:          "service_message",
	amogatev1.NoteType_NOTE_TYPE_CASHIER_MESSAGE:          "message_cashier",
	amogatev1.NoteType_NOTE_TYPE_INVOICE_PAID:             "invoice_paid",
	amogatev1.NoteType_NOTE_TYPE_LINK_FOLLOWED:            "link_followed",
	amogatev1.NoteType_NOTE_TYPE_EXTENDED_SERVICE_MESSAGE: "extended_service_message",
	amogatev1.NoteType_NOTE_TYPE_ZOOM_MEETING:             "zoom_meeting",
	amogatev1.NoteType_NOTE_TYPE_BILL_PAID:                "bill_paid",
	amogatev1.NoteType_NOTE_TYPE_KEY_ACTION_COMPLETED:     "key_action_completed",
	amogatev1.NoteType_NOTE_TYPE_MAX_SYSTEM:               "max_system",
	amogatev1.NoteType_NOTE_TYPE_DROPBOX_ATTACHMENT:       "dropbox_attachment",
	amogatev1.NoteType_NOTE_TYPE_SMS_IN:                   "sms_in",
	amogatev1.NoteType_NOTE_TYPE_SMS_OUT:                  "sms_out",
	amogatev1.NoteType_NOTE_TYPE_TARGETING_IN:             "targeting_in",
	amogatev1.NoteType_NOTE_TYPE_TARGETING_OUT:            "targeting_out",
	amogatev1.NoteType_NOTE_TYPE_AI_RESULT:                "ai_result",
	amogatev1.NoteType_NOTE_TYPE_CUSTOMER_STATUS_CHANGED:  "customer_status_changed",
	amogatev1.NoteType_NOTE_TYPE_TAGS_ADDED:               "dp_tags_added",
	amogatev1.NoteType_NOTE_TYPE_TAGS_REMOVED:             "dp_tags_removed",
}

// otherNoteWords are second words for some of them.
var otherNoteWords = map[amogatev1.NoteType]string{
	amogatev1.NoteType_NOTE_TYPE_LINK_FOLLOWED:      "followed_link",
	amogatev1.NoteType_NOTE_TYPE_DROPBOX_ATTACHMENT: "dropbox",
}

// noteTypes are the types by all words.
var noteTypes = func() map[string]amogatev1.NoteType {
	types := map[string]amogatev1.NoteType{}
	for _, words := range []map[amogatev1.NoteType]string{noteWords, otherNoteWords} {
		for t, word := range words {
			types[word] = t
		}
	}
	return types
}()

func noteType(word string) amogatev1.NoteType { return noteTypes[word] }
