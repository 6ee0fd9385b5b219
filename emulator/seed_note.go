package emulator

import (
	"fmt"
)

// seedParentIDs is where the ids of a kind's seeded records begin. Customers have their own.
var seedParentIDs = map[ParentKind]int64{
	ParentContact: seedContacts,
	ParentCompany: seedCompanies + 1,
	ParentLead:    30_000_001,
	ParentTask:    40_000_001,
}

const (
	seedNoteIDs = 100_000_000 // note ids of the first kind begin there, those of the next ones at its multiples
	// seedNoteGroup is how many notes in a row hang on one record.
	seedNoteGroup = 8
	// saltNote begins the streams of the kinds' notes, saltParent those of their records.
	saltNote   = 100
	saltParent = 200
)

// parent makes seeded record i of a kind.
func (s *seed) parent(kind ParentKind, i int, id int64) Parent {
	d := s.dice(saltParent+uint64(kind), i) //nolint:gosec // a kind is above zero
	p := Parent{Kind: kind, ID: id, CreatedAt: s.start + d.below(max(1, int64(s.n)*s.step))}
	switch kind {
	case ParentContact:
		p.Name = person(&d).name
	case ParentCompany:
		if p.Name = company(&d); int64(i) < int64(s.n) {
			p.Name, _ = s.companyName(id)
		}
	case ParentLead:
		p.Name = fmt.Sprintf("Сделка №%d", i+1)
	case ParentTask:
		p.Name = pick(&d, remarks)
	case ParentCustomer:
	}
	return p
}

// noteSeed makes the seeded notes of one kind as seed makes customers: rows gives note j its id, its times and its place
// in both orders, the rest is drawn for j.
type noteSeed struct {
	rows    *seed
	kind    ParentKind
	first   int64 // added to the ids of rows
	types   []*noteType
	parents *parentStore
}

func newNoteSeed(c Config, kind ParentKind, place int, parents *parentStore) *noteSeed {
	n := c.Notes
	if parents.seeded(kind) == 0 { // nothing to hang them on
		n = 0
	}
	value, first := c.Seed^uint64(kind)*0x9e3779b97f4a7c15, seedNoteIDs*int64(place+1) //nolint:gosec // any bits do
	if c.NoteIDsRepeat {
		value, first = c.Seed, seedNoteIDs
	}
	s := &noteSeed{
		rows: newSeed(Config{Customers: n, Seed: value, SeedEnd: c.SeedEnd, UserID: c.UserID}),
		kind: kind, first: first - seedFirst, parents: parents,
	}
	for i := range noteTypes {
		if noteTypes[i].seededOn(kind) {
			s.types = append(s.types, &noteTypes[i])
		}
	}
	return s
}

func (s *noteSeed) noteIDAt(position int) int64 { return s.rows.idAt(position) + s.first }
func (s *noteSeed) noteID(j int) int64          { return s.rows.id(j) + s.first }
func (s *noteSeed) endNoteID() int64            { return s.rows.endID() + s.first }

// noteIndex returns the note with an id.
func (s *noteSeed) noteIndex(id int64) (int, bool) { return s.rows.indexOf(id - s.first) }

func (s *noteSeed) parentID(j int) int64 {
	return s.parents.seededID(s.kind, j/seedNoteGroup%s.parents.seeded(s.kind))
}

// notesOf returns the ids of the notes of a parent.
func (s *noteSeed) notesOf(parent int64) []int64 {
	i, ok := s.parents.seededIndex(s.kind, parent)
	if !ok {
		return nil
	}
	var ids []int64
	for first := i * seedNoteGroup; first < s.rows.n; first += s.parents.seeded(s.kind) * seedNoteGroup {
		for j := first; j < min(first+seedNoteGroup, s.rows.n); j++ {
			ids = append(ids, s.noteID(j))
		}
	}
	return ids
}

// noteType is the type of note j: as many notes as there are types show each once.
func (s *noteSeed) noteType(j int) *noteType { return s.types[j%len(s.types)] }

func (s *noteSeed) head(j int) noteHead {
	return noteHead{
		kind: s.kind, id: s.noteID(j), parent: s.parentID(j), word: s.noteType(j).word, updated: s.rows.updatedAt(j), j: j,
	}
}

// note makes note j.
func (s *noteSeed) note(j int) *Note {
	h, t := s.head(j), s.noteType(j)
	d := s.rows.dice(saltNote+uint64(s.kind), j) //nolint:gosec // a kind is above zero
	n := &Note{
		Kind: s.kind, ParentID: h.parent, ID: h.id, Type: h.word, CreatedAt: s.rows.createdAt(j), UpdatedAt: h.updated,
		ResponsibleUserID: pick(&d, s.rows.users), CreatedBy: pick(&d, s.rows.users), Pinned: t.create && d.below(12) == 0,
	}
	if t.createOld || t.create {
		n.UpdatedBy = n.CreatedBy
	} else { // the service wrote it itself
		n.CreatedBy = 0
	}
	n.Params = s.params(n, t, &d)
	return n
}

// params draws what a note of a type says.
func (s *noteSeed) params(n *Note, t *noteType, d *dice) map[string]any {
	phone := fmt.Sprintf("+79%09d", d.below(1_000_000_000))
	switch t.word {
	case noteCommon, noteTaskResult, "call", "chat", "mail_message_attachment", "external_attach", "max_system":
		return map[string]any{"text": pick(d, remarks)}
	case noteStatusChanged:
		return map[string]any{
			"STATUS_NEW": 142 + d.below(2), "STATUS_OLD": 8_371_000 + d.below(5), "TEXT": "",
			"PIPELINE_ID_OLD": int64(640_001), "PIPELINE_ID_NEW": 640_001 + d.below(2), "LOSS_REASON_ID": d.below(3),
		}
	case noteAttachment:
		return s.file(n, d)
	case "call_in", "call_out":
		params := map[string]any{
			"uniq": fmt.Sprintf("c-%06d", d.below(1_000_000)), "duration": d.below(600), "source": "pbx", "phone": phone,
			"link": "https://pbx.example.com/" + digits(d.below(90_000)+10_000) + ".mp3", "call_status": 1 + d.below(7),
			"call_result": pick(d, remarks),
		}
		switch d.below(3) {
		case 0:
			params["call_responsible"] = n.ResponsibleUserID
		case 1:
			params["call_responsible"] = person(d).name
		}
		return params
	case "amomail_message", "mail_message":
		p := person(d)
		return map[string]any{
			"thread_id": 70_000 + d.below(5000), "message_id": 90_000 + d.below(5000), "private": false, "income": d.below(2) == 0,
			"from": map[string]any{"email": p.login + "@example.com", "name": p.name},
			"to":   map[string]any{"email": "shop@example.org", "name": "Магазин"}, "subject": pick(d, goods),
			"content_summary": pick(d, remarks), "attach_cnt": d.below(3), "delivery": nil,
		}
	case "site_visit", "link_followed":
		return map[string]any{"url": "https://shop.example.com/?from=" + digits(d.below(1000))}
	case "lead_auto_created":
		lead := s.parents.seededID(ParentLead, 0)
		return map[string]any{
			"type": int64(1), "lead_type": pick(d, []string{"child", "parent"}), "lead_id": lead,
			"link": map[string]any{"id": lead, "type": int64(2)},
		}
	case noteTransaction:
		return map[string]any{"transaction_id": seedTransactions + d.below(1000)}
	case "geolocation":
		return map[string]any{"text": "Склад", "address": pick(d, cities).name, "longitude": "37.617635", "latitude": "55.755814"}
	case "service_message", "extended_service_message":
		return map[string]any{"service": "ERP", "text": pick(d, remarks)}
	case "targeting_in", "targeting_out":
		return map[string]any{"contacts": []any{}, "campaign": "Весна & лето", "service": "ads"}
	case "message_cashier":
		return map[string]any{"status": pick(d, []string{"created", "shown", "canceled"}), "text": pick(d, remarks)}
	case "invoice_paid", "bill_paid":
		return map[string]any{"service": "Bank", "text": "Оплачен счёт " + digits(d.below(900)), "icon_url": "https://bank.example.com/i.png"}
	case "zoom_meeting":
		return map[string]any{"conference": map[string]any{"id": digits(d.below(99_999)), "topic": pick(d, goods)}, "recordings": []any{}}
	case "dropbox_attachment":
		return map[string]any{"link": "https://files.example.com/s/" + digits(d.below(99_999)), "filename": "прайс.pdf"}
	case "sms_in", "sms_out":
		if d.below(4) == 0 { // brought over from times without params
			return map[string]any{"text": nil, "phone": nil}
		}
		return map[string]any{"text": pick(d, remarks), "phone": phone}
	case "ai_result":
		return map[string]any{"text": pick(d, remarks), "answer_id": digits(d.below(99_999)), "talk_id": d.below(9999), "is_error": false}
	}
	return nil
}

// file draws an attached file: every second one is older than the drive.
func (s *noteSeed) file(n *Note, d *dice) map[string]any {
	name := pick(d, []string{"скан.pdf", "договор №5.docx", "scan.jpg"})
	if d.below(2) == 0 {
		n.Attachment = fmt.Sprintf("%08x_%s", d.below(1<<31), "file.bin")
		return map[string]any{"text": name, "original_name": name, "attachment": n.Attachment}
	}
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", d.below(1<<32), d.below(1<<16), d.below(1<<12), d.below(1<<12), d.below(1<<48))
	}
	return map[string]any{
		"is_drive_attachment": true, "text": name, "original_name": name, "file_name": name,
		"file_uuid": uuid(), "version_uuid": uuid(),
	}
}
