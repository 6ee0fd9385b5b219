package amo

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// Collection is one resource of an account. T is its proto message, F the
// filter of its lists. It is safe for concurrent use.
type Collection[T, F proto.Message] struct {
	client   *Client
	name     string
	drivers  map[Generation]driver.Resource[T, F]
	behavior behavior[T, F]
}

// behavior is what the collection has to know of its resource beyond the codec,
// the same for every generation.
type behavior[T, F any] struct {
	// ids returns the ids of the filter.
	ids func(F) []int64
	// byIDsAlone says that the filter is a list by ids; what else it holds is
	// checked here. A search text is not, since only upstream can apply it.
	byIDsAlone func(F) bool
	// matches says whether a row is what the filter asks for, as far as it can
	// be told from the row.
	matches func(F, T) bool
	// applyTags returns the tags of before with add added and remove removed, as
	// a record that holds nothing else.
	applyTags func(before T, add, remove []string) T
	// same says whether stored can be what sent became. It is set where upstream
	// does not say which new record is which item.
	same func(sent, stored T) bool
	// keepsUpdateTime says that an update leaves the record's update_time.
	keepsUpdateTime bool
	// explain adds to upstream's refusal of a new record what it left unsaid.
	explain func(value T, refusal *Error)
}

// driver returns the codec that serves op.
func (c *Collection[T, F]) driver(op driver.Op) (driver.Resource[T, F], error) {
	generation, err := routeFor(c.client.config.Generation, c.name, op)
	if err != nil {
		return driver.Resource[T, F]{}, err
	}
	return c.drivers[generation], nil
}

// Get reads one record. An id that upstream does not show is KindNotFound.
func (c *Collection[T, F]) Get(ctx context.Context, id int64) (T, error) {
	d, err := c.driver(driver.OpGet)
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

// read returns the records with these ids that upstream has.
func (c *Collection[T, F]) read(ctx context.Context, d driver.Resource[T, F], op driver.Op, ids []int64) (map[int64]T, error) {
	found := make(map[int64]T, len(ids))
	for chunk := range slices.Chunk(ids, d.MaxIDs) {
		call := d.ByIDs(chunk)
		call.Name = c.name + "." + string(op)
		page, _, err := c.page(ctx, d, request{call: call, class: classInteractive})
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			found[recordID(row)] = row
		}
	}
	return found, nil
}

// page sends r and decodes the page that upstream answers. A custom field that
// is not known makes it read the account again, once in a while.
func (c *Collection[T, F]) page(ctx context.Context, d driver.Resource[T, F], r request) (driver.Page[T], usage, error) {
	env, err := c.client.env(ctx, accountLife)
	if err != nil {
		return driver.Page[T]{}, usage{}, err
	}
	var page driver.Page[T]
	var body []byte
	r.decode = func(resp driver.Response) error {
		if err := d.DecodeError(resp); err != nil {
			return err
		}
		body = resp.Body
		page, err = d.DecodeList(env, body)
		return err
	}
	u, err := c.client.send(ctx, r)
	if err != nil {
		return driver.Page[T]{}, u, err
	}
	if len(page.UnknownFields) == 0 {
		return page, u, nil
	}
	fresh, err := c.client.env(ctx, accountRest)
	if err != nil || fresh == env {
		// The values were decoded as raw: nothing is lost.
		return page, u, nil //nolint:nilerr // the page is complete without
	}
	if page, err = d.DecodeList(fresh, body); err != nil {
		return driver.Page[T]{}, u, err
	}
	return page, u, nil
}

func (c *Collection[T, F]) notFound(op driver.Op, id int64) *Error {
	return &Error{
		Kind:    KindNotFound,
		Op:      c.name + "." + string(op),
		ID:      id,
		Message: fmt.Sprintf("there is no record %d, or the account's user may not see it", id),
	}
}
