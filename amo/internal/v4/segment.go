package v4

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// segmentsName is the resource in operation names.
const segmentsName = "customer_segments"

const segmentsPath = basePath + "/customers/segments"

// segmentsKey is the key of the rows in answers.
const segmentsKey = "segments"

// Segments is the codec of the segments of customers, which accounts whose
// customers are divided by segments have. Upstream takes them one by one.
func Segments() driver.Resource[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest] {
	return driver.Resource[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest]{
		Name:        segmentsName,
		Generation:  driver.V4,
		MaxPage:     maxPage,
		MaxIDs:      1,
		MaxBatch:    1,
		Paged:       true,
		Supports:    supportsSegment,
		List:        listSegments,
		Local:       func(*amogatev1.ListCustomerSegmentsRequest) []string { return nil },
		ByIDs:       segmentByID,
		DecodeList:  decodeSegments,
		Check:       checkSegment,
		NeedsBefore: func(*amogatev1.CustomerSegment, []string) bool { return false },
		CheckChange: func(driver.Change[*amogatev1.CustomerSegment]) error { return nil },
		Create:      createSegment,
		Update:      updateSegment,
		Delete:      deleteSegment,
		DecodeWrite: decodeSegmentWrite,
		DecodeError: segmentError,
	}
}

// listSegments asks for a page of segments. There are at most 100, more than
// the 50 of a page of no told size; whether upstream takes a size here is not
// documented, so the answer says whether there is more.
//
//amogate:operation GET /api/v4/customers/segments rpc=CustomerSegmentService.ListCustomerSegments
func listSegments(_ *driver.Env, _ *amogatev1.ListCustomerSegmentsRequest, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(segmentsName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	return readCall(segmentsName, driver.OpList, segmentsPath, query), nil
}

// segmentByID asks for one segment: the list has no filter, and pages.
//
//amogate:operation GET /api/v4/customers/segments/{id} rpc=CustomerSegmentService.GetCustomerSegment
func segmentByID(ids []int64) driver.Call {
	return readCall(segmentsName, driver.OpGet, itemPath(segmentsPath, ids[0]), nil)
}

// segment is a segment as reads show it. Its colour comes without "#".
type segment struct {
	ID             wire.Int            `json:"id"`
	Name           wire.Text           `json:"name"`
	Color          wire.Text           `json:"color"`
	CustomersCount wire.Int            `json:"customers_count"`
	PriceTypes     wire.List[wire.Int] `json:"available_products_price_types"`
	CustomFields   jsontext.Value      `json:"custom_fields_values"`
	CreatedAt      wire.Unix           `json:"created_at"`
	UpdatedAt      wire.Unix           `json:"updated_at"`
	AccountID      wire.Int            `json:"account_id"`
}

// decodeSegments decodes a page; a segment that does not exist is none.
func decodeSegments(env *driver.Env, body []byte) (driver.Page[*amogatev1.CustomerSegment], error) {
	if _, missing := missingText(body); missing {
		return driver.Page[*amogatev1.CustomerSegment]{}, nil
	}
	page, err := decodePage(segmentsName, body, rowAs(func(w *segment) (*amogatev1.CustomerSegment, error) {
		return w.toProto(env)
	}), segmentsKey)
	if err != nil {
		return page, err
	}
	page.Next = len(page.Rows) > 0 && (page.Next || announcesPage(body))
	return page, nil
}

// announcesPage says whether an answer counts more pages than it is the number
// of; such an answer need not have links.
func announcesPage(body []byte) bool {
	var envelope struct {
		Page  wire.Int `json:"_page"`
		Count wire.Int `json:"_page_count"`
	}
	err := wire.Unmarshal(body, &envelope)
	return err == nil && envelope.Page.Value > 0 && envelope.Page.Value < envelope.Count.Value
}

func (w *segment) toProto(env *driver.Env) (*amogatev1.CustomerSegment, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	fields, err := (&rowReader{env: env}).customFields(new(wire.NewCursor(w.CustomFields)))
	if err != nil {
		return nil, err
	}
	msg := &amogatev1.CustomerSegment{
		Id:             w.ID.Value,
		Name:           w.Name.Value,
		Color:          readColor(w.Color.Value),
		CustomersCount: optional(w.CustomersCount),
		CustomFields:   fields,
		CreateTime:     w.CreatedAt.Timestamp(),
		UpdateTime:     w.UpdatedAt.Timestamp(),
		AccountId:      optional(w.AccountID),
	}
	for _, id := range w.PriceTypes {
		if id.Value > 0 {
			msg.AvailableProductsPriceTypes = append(msg.AvailableProductsPriceTypes, id.Value)
		}
	}
	return msg, nil
}

// readColor adds what upstream leaves out of a segment's colour.
func readColor(color string) string {
	if color == "" || strings.HasPrefix(color, "#") {
		return color
	}
	return "#" + color
}
