package v4

import (
	"net/url"
	"strconv"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

const (
	// eventsName is the events of the account in operation names.
	eventsName = "events"
	// customerDeleted is the type of the events that tell of deleted customers.
	customerDeleted = "customer_deleted"
	// maxEvents is the most events of a page; only some hosts give 250.
	maxEvents = 100
)

// Events describes one page of the events of a type since a second, the first
// page being 1. Upstream names the rest newest first, which is not promised.
//
// Both parameters are sent in the form that all documents have in common. Whether
// upstream obeys them is for the caller to check.
//
//amogate:operation GET /api/v4/events rpc=CustomerService.ListCustomers
func Events(kind string, since int64, page int) driver.Exchange[driver.Page[driver.Event]] {
	query := url.Values{
		"limit":                    {strconv.Itoa(maxEvents)},
		"page":                     {strconv.Itoa(page)},
		"filter[type]":             {kind},
		"filter[created_at][from]": {strconv.FormatInt(max(since, 1), 10)},
	}
	return driver.Exchange[driver.Page[driver.Event]]{
		Call: readCall(eventsName, driver.OpList, basePath+"/events", query),
		Decode: func(_ *driver.Env, body []byte) (driver.Page[driver.Event], error) {
			return decodePage(eventsName, body, rowAs((*event).toEvent), "events")
		},
		DecodeError: errorReader{}.decode,
	}
}

// LastEvents says whether a page of events is the last: it is empty, or shorter
// than was asked for and announces no other. A page of upstream's own size says
// nothing, since some hosts take no other.
func LastEvents(page driver.Page[driver.Event]) bool {
	rows := len(page.Rows)
	return rows == 0 || !page.Next && rows < maxEvents && rows != plainPage
}

// event is a row of GET /api/v4/events. Its values before and after have a shape
// for each type; nobody here needs them.
type event struct {
	// ID is a word of 26 letters and digits.
	ID        wire.Text `json:"id"`
	Type      wire.Text `json:"type"`
	EntityID  wire.Int  `json:"entity_id"`
	CreatedAt wire.Unix `json:"created_at"`
}

func (w *event) toEvent() (driver.Event, error) {
	if w.EntityID.Value <= 0 {
		return driver.Event{}, errNoID
	}
	return driver.Event{ID: w.ID.Value, Type: w.Type.Value, RecordID: w.EntityID.Value, Second: w.CreatedAt.Seconds}, nil
}
