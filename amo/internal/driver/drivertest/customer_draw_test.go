package drivertest_test

import (
	"slices"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const lastSecond = 253402300799 // of the year 9999

// drawText returns a text with something to see in it.
func drawText(rt *rapid.T, label string) string {
	return rapid.StringMatching(`[\p{Cyrillic}A-Za-z0-9&<"'/\\.-][\p{Cyrillic}A-Za-z0-9 &<"'/\\,.\n-]{0,30}[\p{Cyrillic}A-Za-z0-9👍]`).Draw(rt, label)
}

func drawTime(rt *rapid.T, label string) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: rapid.Int64Range(1, lastSecond).Draw(rt, label)}
}

// drawMoney returns an amount above 0, with hundredths where minor says so.
func drawMoney(rt *rapid.T, minor bool, label string) *money.Money {
	m := &money.Money{Units: rapid.Int64Range(1, 1e12).Draw(rt, label)}
	if minor {
		m.Nanos = rapid.Int32Range(0, 99).Draw(rt, label+" hundredths") * 10_000_000
	}
	if rapid.Bool().Draw(rt, label+" with a currency") {
		m.CurrencyCode = accountCurrency
	}
	return m
}

func drawID(rt *rapid.T, label string) int64 { return rapid.Int64Range(1, 1<<40).Draw(rt, label) }

func drawTags(rt *rapid.T) []*amogatev1.Tag {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[\p{Cyrillic}A-Z][\p{Cyrillic}A-Za-z0-9 &/.-]{0,12}[\p{Cyrillic}A-Za-z0-9]`), 1, 5, rapid.ID[string]).Draw(rt, "tags")
	if rapid.Bool().Draw(rt, "tag with a comma") {
		names = append(names, "one, two")
	}
	var tags []*amogatev1.Tag
	for _, name := range names {
		tags = append(tags, &amogatev1.Tag{Name: name})
	}
	return tags
}

func drawElements(rt *rapid.T, minor bool) []*amogatev1.CatalogElementLink {
	ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 1000), 1, 4, rapid.ID[int64]).Draw(rt, "elements")
	var elements []*amogatev1.CatalogElementLink
	for _, id := range ids {
		element := &amogatev1.CatalogElementLink{
			CatalogId: rapid.Int64Range(1, 3).Draw(rt, "catalog"), ElementId: id,
			Quantity: float64(rapid.IntRange(1, 1000).Draw(rt, "quantity")),
		}
		if minor {
			element.Quantity += float64(rapid.IntRange(0, 7).Draw(rt, "eighths")) / 8
		}
		elements = append(elements, element)
	}
	return elements
}

// some returns a few of the ids, each once, and at least one.
func some(rt *rapid.T, ids []int64, label string) []int64 {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, min(4, len(ids)), rapid.ID[int64]).Draw(rt, label)
}

// customerFields are the fields of a customer that the contract lets callers
// write.
var customerFields = map[string]field[*amogatev1.Customer]{
	"name": {clearing: refused, draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) {
		c.Name = drawText(rt, "name")
	}},
	"next_purchase_time": {draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) {
		c.NextPurchaseTime = drawTime(rt, "next purchase")
	}},
	"next_price": {draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.NextPrice = drawMoney(rt, s.minorUnits(), "next price")
	}},
	"responsible_user_id": {draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) {
		c.ResponsibleUserId = new(drawID(rt, "responsible user"))
	}},
	"period_id": {draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.PeriodId = new(rapid.SampledFrom(s.account.Periods()).Draw(rt, "period").ID)
	}},
	"status_id": {clearing: refused, draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.StatusId = new(rapid.SampledFrom(s.account.Statuses()).Draw(rt, "status").ID)
	}},
	"periodicity": {draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) {
		c.Periodicity = new(rapid.Int32Range(1, 36500).Draw(rt, "periodicity"))
	}},
	"tags": {draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) { c.Tags = drawTags(rt) }},
	"contact_ids": {moves: []string{"main_contact_id"}, draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.ContactIds = some(rt, s.account.SeededParents(emulator.ParentContact, 20), "contacts")
	}},
	"company_id": {moves: []string{"company_name"}, draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.CompanyId = new(some(rt, s.account.SeededParents(emulator.ParentCompany, 8), "company")[0])
	}},
	"custom_fields": {clearing: keeps, merge: mergeCustomFields[*amogatev1.Customer], draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.CustomFields = drawCustomFields(rt, s)
	}},
	"catalog_elements": {draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		c.CatalogElements = drawElements(rt, s.minorUnits())
	}},
	"create_time": {draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) { c.CreateTime = drawTime(rt, "creation") }},
	"created_by": {draw: func(rt *rapid.T, _ *scene, c *amogatev1.Customer) {
		c.CreatedBy = new(rapid.Int64Range(0, 1<<40).Draw(rt, "creator"))
	}},
	"segments": {draw: func(rt *rapid.T, s *scene, c *amogatev1.Customer) {
		var ids []int64
		for _, segment := range s.account.Segments() {
			ids = append(ids, segment.ID)
		}
		for _, id := range some(rt, ids, "segments") {
			c.Segments = append(c.Segments, &amogatev1.SegmentLink{Id: id})
		}
	}},
}

// plainCustomer brings a customer into the one form of its equals: what only
// upstream gives is gone, nothing and zero are one, and sets are in order.
func plainCustomer(a *account) func(*amogatev1.Customer) *amogatev1.Customer {
	return func(c *amogatev1.Customer) *amogatev1.Customer {
		for _, tag := range c.GetTags() {
			tag.Id = 0
		}
		slices.SortFunc(c.GetTags(), func(x, y *amogatev1.Tag) int { return compareText(x.GetName(), y.GetName()) })
		slices.Sort(c.GetContactIds())
		slices.SortFunc(c.GetSegments(), func(x, y *amogatev1.SegmentLink) int { return compareIDs(x.GetId(), y.GetId()) })
		sortElements(c.GetCatalogElements())
		c.CustomFields = plainCustomFields(a, c.GetCustomFields())
		c.NextPrice = plainMoney(c.GetNextPrice())
		for _, id := range []**int64{&c.ResponsibleUserId, &c.PeriodId, &c.CompanyId} {
			if *id != nil && **id == 0 {
				*id = nil
			}
		}
		if c.GetPeriodicity() == 0 {
			c.Periodicity = nil
		}
		return c
	}
}
