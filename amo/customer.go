package amo

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Customers is the collection of customers.
type Customers = *Collection[*amogatev1.Customer, *amogatev1.CustomerFilter]

func newCustomers(c *Client) Customers {
	return &Collection[*amogatev1.Customer, *amogatev1.CustomerFilter]{
		client: c,
		name:   "customers",
		drivers: map[Generation]driver.Resource[*amogatev1.Customer, *amogatev1.CustomerFilter]{
			V2: v2.Customers(),
			V4: v4.Customers(),
		},
		behavior: behavior[*amogatev1.Customer, *amogatev1.CustomerFilter]{
			ids: (*amogatev1.CustomerFilter).GetIds,
			byIDsAlone: func(f *amogatev1.CustomerFilter) bool {
				return len(f.GetIds()) > 0 && f.GetQuery() == ""
			},
			paid:      customerFilterIsPaid,
			matches:   customerMatches,
			window:    customerWindow,
			applyTags: customerTags,
			explain:   explainCustomer,
			recent:    recentCustomers,
			given:     []string{"next_price", "tags", "contact_ids", "company_id", "custom_fields", "catalog_elements"},
		},
	}
}

// customerFilterIsPaid says whether the filter has more than a search text, which
// is the one thing that v4 applies in every plan.
func customerFilterIsPaid(f *amogatev1.CustomerFilter) bool {
	return len(f.GetIds())+len(f.GetResponsibleUserIds()) > 0 ||
		f.GetCreateTime() != nil || f.GetUpdateTime() != nil || f.GetNextPurchaseTime() != nil
}

// recentCustomers asks for customers by the time of their creation. Over API v2
// that is whole days: of one name they are looked for by it.
func recentCustomers(values []*amogatev1.Customer, since time.Time, narrow bool) *amogatev1.CustomerFilter {
	filter := &amogatev1.CustomerFilter{CreateTime: &amogatev1.TimeRange{StartTime: timestamppb.New(since)}}
	isNamed := func(c *amogatev1.Customer) bool { return c.GetName() == values[0].GetName() }
	if narrow && !slices.ContainsFunc(values, func(c *amogatev1.Customer) bool { return !isNamed(c) }) {
		filter.Query = values[0].GetName()
	}
	return filter
}

// customerWindow: a list by ids needs no windows, and whether a row still holds the
// text of a search nobody here can tell.
func customerWindow(f *amogatev1.CustomerFilter) (within *amogatev1.TimeRange, filtered, ok bool) {
	if len(f.GetIds()) > 0 || f.GetQuery() != "" {
		return nil, false, false
	}
	return f.GetUpdateTime(), customerFilterIsPaid(f), true
}

// customerMatches checks everything of the filter but the search text, which
// only upstream can apply.
func customerMatches(f *amogatev1.CustomerFilter, c *amogatev1.Customer) bool {
	return (len(f.GetIds()) == 0 || slices.Contains(f.GetIds(), c.GetId())) &&
		(len(f.GetResponsibleUserIds()) == 0 || slices.Contains(f.GetResponsibleUserIds(), c.GetResponsibleUserId())) &&
		inRange(f.GetCreateTime(), c.GetCreateTime()) &&
		inRange(f.GetUpdateTime(), c.GetUpdateTime()) &&
		inRange(f.GetNextPurchaseTime(), c.GetNextPurchaseTime())
}

// inRange says whether t lies in r. A record without the time lies in no range.
func inRange(r *amogatev1.TimeRange, t *timestamppb.Timestamp) bool {
	if r == nil {
		return true
	}
	if t == nil {
		return false
	}
	at := t.AsTime()
	return (r.GetStartTime() == nil || !at.Before(r.GetStartTime().AsTime())) &&
		(r.GetEndTime() == nil || at.Before(r.GetEndTime().AsTime()))
}

// customerTags returns a customer with the tags of before, changed.
func customerTags(before *amogatev1.Customer, add, remove []string) *amogatev1.Customer {
	changed := &amogatev1.Customer{}
	for _, tag := range before.GetTags() {
		if !slices.Contains(remove, tag.GetName()) {
			changed.Tags = append(changed.Tags, &amogatev1.Tag{Name: tag.GetName()})
		}
	}
	for _, name := range add {
		if !slices.ContainsFunc(changed.GetTags(), func(t *amogatev1.Tag) bool { return t.GetName() == name }) {
			changed.Tags = append(changed.Tags, &amogatev1.Tag{Name: name})
		}
	}
	return changed
}

// explainCustomer names the field that upstream most often misses without
// saying so: in accounts that work by periodicity, and on v2 always, a new
// customer needs the time of the next purchase.
func explainCustomer(op driver.Op, c *amogatev1.Customer, refusal *Error) {
	if op != driver.OpCreate || len(refusal.Fields) > 0 || c.GetNextPurchaseTime() != nil {
		return
	}
	refusal.Fields = []FieldError{{
		Path:        "next_purchase_time",
		Description: "upstream refused the new customer; this account probably demands the time of the next purchase: set it",
	}}
}
