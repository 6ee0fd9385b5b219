package amo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// Collection is one resource of an account. T is its proto message, F the
// filter of its lists. It is safe for concurrent use.
type Collection[T, F proto.Message] struct {
	client   *Client
	name     string
	drivers  map[Generation]driver.Resource[T, F]
	behavior behavior[T, F]
	ledger   ledger
}

// behavior is what the collection has to know of its resource beyond the codec,
// the same for every generation. What a resource does not need is nil.
type behavior[T, F any] struct {
	// ids returns the ids of the filter.
	ids func(F) []int64
	// byIDsAlone says that the filter is a list by ids; what else it holds is
	// checked here. A search text is not, since only upstream can apply it.
	byIDsAlone func(F) bool
	// paid says that v4 applies the filter only in accounts with paid filters.
	paid func(F) bool
	// matches says whether a row is what the filter asks for, as far as it can
	// be told from the row.
	matches func(F, T) bool
	// applyTags returns the tags of before with add added and remove removed, as
	// a record that holds nothing else.
	applyTags func(before T, add, remove []string) T
	// same says whether stored can be what sent became. It is set where upstream
	// does not say which new record is which item.
	same func(sent, stored T) bool
	// recent returns a filter of lists for records that were made since an instant
	// and can be what values became. Where upstream is not known to apply it
	// exactly, it is to be as narrow as the values allow. Nil = creates of unknown
	// outcome are not looked for.
	recent func(values []T, since time.Time, narrow bool) F
	// given are fields that a new record has only when they were sent.
	given []string
	// parent names the field of the record that a new one belongs to; it is the
	// faulty one when upstream finds nothing.
	parent string
	// belongs says whether the record before is the one that value is about, and
	// not one of another parent with the same id.
	belongs func(value, before T) bool
	// keepsUpdateTime says that an update leaves the record's update_time.
	keepsUpdateTime bool
	// explain adds to upstream's refusal of a write what it left unsaid.
	explain func(op driver.Op, value T, refusal *Error)
}

// driver returns the codec that serves op.
func (c *Collection[T, F]) driver(op driver.Op, a asked) (driver.Resource[T, F], error) {
	generation, err := c.client.route(c.name, op, a)
	if err != nil {
		return driver.Resource[T, F]{}, err
	}
	return c.drivers[generation], nil
}

// Get reads one record. An id that upstream does not show is KindNotFound.
func (c *Collection[T, F]) Get(ctx context.Context, id int64) (T, error) {
	d, err := c.driver(driver.OpGet, asked{})
	if err != nil {
		return *new(T), err
	}
	found, err := c.read(ctx, d, driver.OpGet, []int64{id})
	if err != nil {
		return *new(T), err
	}
	record, ok := found[id]
	if !ok {
		return *new(T), c.notFound(driver.OpGet, id)
	}
	return record, nil
}

// All reads a small collection whole.
func (c *Collection[T, F]) All(ctx context.Context, filter F) ([]T, error) {
	var all []T
	for row, err := range c.List(filter, ListOptions{}).Rows(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, row.Value)
	}
	return all, nil
}

// read returns the records with these ids that upstream has. Several records
// are read over v2 where v4 would take a request for each.
func (c *Collection[T, F]) read(ctx context.Context, d driver.Resource[T, F], op driver.Op, ids []int64) (map[int64]T, error) {
	size, err := c.idsAtOnce(ctx, d)
	if err != nil {
		return nil, err
	}
	if size == 1 && len(ids) > 1 && c.client.config.Generation == Auto {
		if other, ok := c.drivers[V2]; ok {
			d, size = other, other.MaxIDs
		}
	}
	found := make(map[int64]T, len(ids))
	for chunk := range slices.Chunk(ids, size) {
		call := d.ByIDs(chunk)
		call.Name = c.name + "." + string(op)
		page, _, err := c.page(ctx, d, request{call: call, class: limit.Interactive})
		if err != nil && len(chunk) == 1 && IsKind(err, KindNotFound) {
			continue // of several ids upstream would leave this one out
		}
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			if d.FilteredIDs && !slices.Contains(chunk, recordID(row)) {
				// The records that were asked for may be missing, and not because
				// there are none.
				return nil, notAsked(call.Name, recordID(row))
			}
			found[recordID(row)] = row
		}
	}
	return found, nil
}

// idsAtOnce returns how many records can be read by id in one request.
func (c *Collection[T, F]) idsAtOnce(ctx context.Context, d driver.Resource[T, F]) (int, error) {
	if !d.FilteredIDs {
		return d.MaxIDs, nil
	}
	env, err := c.client.env(ctx, d.Generation, accountLife)
	if err != nil {
		return 0, err
	}
	if !env.Filters {
		return 1, nil
	}
	return d.MaxIDs, nil
}

// page sends r and decodes the page that upstream answers. A custom field that
// is not known makes it read the account again, once in a while, and so does an
// answer that customers are switched off.
func (c *Collection[T, F]) page(ctx context.Context, d driver.Resource[T, F], r request) (driver.Page[T], usage, error) {
	env, err := c.client.env(ctx, d.Generation, accountLife)
	if err != nil {
		return driver.Page[T]{}, usage{}, err
	}
	var page driver.Page[T]
	var body []byte
	received := false
	r.decode = func(resp driver.Response) error {
		if err := d.DecodeError(resp); err != nil {
			return err
		}
		body, received = resp.Body, true
		page, err = d.DecodeList(env, body)
		return err
	}
	u, err := c.client.send(ctx, r)
	switch {
	case err != nil && (!received || !IsKind(err, KindCustomersDisabled)):
		return driver.Page[T]{}, u, c.client.confirm(ctx, d.Generation, err)
	case err == nil && len(page.UnknownFields) == 0:
		return page, u, nil
	}
	fresh, freshErr := c.client.env(ctx, d.Generation, accountRest)
	if freshErr != nil || fresh == env {
		// Values of unknown fields were decoded as raw: nothing is lost.
		return page, u, err
	}
	if page, err = d.DecodeList(fresh, body); err != nil {
		return driver.Page[T]{}, u, err
	}
	return page, u, nil
}

func notAsked(op string, id int64) *Error {
	return &Error{Kind: KindBadResponse, Op: op, ID: id, Message: "upstream answered a record that was not asked for"}
}

func (c *Collection[T, F]) notFound(op driver.Op, id int64) *Error {
	return &Error{
		Kind:    KindNotFound,
		Op:      c.name + "." + string(op),
		ID:      id,
		Message: fmt.Sprintf("there is no record %d, or the account's user may not see it", id),
	}
}
