package drivertest_test

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
)

// message is a record of a resource.
type message interface {
	proto.Message
	GetId() int64
}

// collection is a resource of an account through the codec of one generation. It
// does what package amo does around a codec, without limits and second tries.
type collection[T message, F any] struct {
	account *account
	codec   driver.Resource[T, F]
	env     *driver.Env
}

func newCollection[T message, F any](tb rapid.TB, a *account, g *generation, codec driver.Resource[T, F]) *collection[T, F] {
	tb.Helper()
	return &collection[T, F]{account: a, codec: codec, env: a.env(tb, g)}
}

// page reads one page.
func (c *collection[T, F]) page(tb rapid.TB, filter F, offset int64, limit int) (driver.Page[T], error) {
	tb.Helper()
	call, err := c.codec.List(c.env, filter, offset, limit)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	if call.Effect != driver.Read {
		tb.Errorf("%s: a list is no read", call.Name)
	}
	return c.decodePage(c.account.do(tb, call))
}

func (c *collection[T, F]) decodePage(response driver.Response) (driver.Page[T], error) {
	if err := c.codec.DecodeError(response); err != nil {
		return driver.Page[T]{}, err
	}
	return c.codec.DecodeList(c.env, response.Body)
}

// rows reads all pages of a list.
func (c *collection[T, F]) rows(tb rapid.TB, filter F, limit int) []T {
	tb.Helper()
	const mostPages = 200
	var rows []T
	for offset, n := int64(0), 0; ; offset, n = offset+int64(limit), n+1 {
		if n == mostPages {
			tb.Fatalf("a list does not end within %d pages", mostPages)
		}
		page, err := c.page(tb, filter, offset, limit)
		if err != nil {
			tb.Fatalf("rows behind %d: %v", offset, err)
		}
		if len(page.Rows) > limit && !c.codec.Whole {
			tb.Fatalf("a page of %d has %d rows", limit, len(page.Rows))
		}
		rows = append(rows, page.Rows...)
		switch {
		case c.codec.Whole, len(page.Rows) == 0:
			return rows
		case c.codec.Paged && len(page.Rows) < limit && !page.Next:
			return rows
		}
	}
}

// read reads records by id, as many at once as upstream takes.
func (c *collection[T, F]) read(tb rapid.TB, ids ...int64) ([]T, error) {
	tb.Helper()
	size := c.codec.MaxIDs
	if c.codec.FilteredIDs && !c.env.Filters {
		size = 1
	}
	var rows []T
	for chunk := range slices.Chunk(ids, size) {
		page, err := c.decodePage(c.account.do(tb, c.codec.ByIDs(chunk)))
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Rows...)
	}
	return rows, nil
}

// get reads the record with an id, which has to be there.
func (c *collection[T, F]) get(tb rapid.TB, id int64) T {
	tb.Helper()
	rows, err := c.read(tb, id)
	if err != nil {
		tb.Fatalf("record %d: %v", id, err)
	}
	at := slices.IndexFunc(rows, func(row T) bool { return row.GetId() == id })
	if at < 0 {
		tb.Fatalf("record %d is not there", id)
	}
	return rows[at]
}

// create checks and makes records of one group.
func (c *collection[T, F]) create(tb rapid.TB, values ...T) (driver.WriteReply, error) {
	tb.Helper()
	for _, value := range values {
		if err := c.codec.Check(c.env, driver.OpCreate, value, writable(value, driver.OpCreate)); err != nil {
			return driver.WriteReply{}, err
		}
	}
	call, err := c.codec.Create(c.env, values)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return c.write(tb, driver.OpCreate, call)
}

// make makes one record, which has to succeed, and returns its id.
func (c *collection[T, F]) make(tb rapid.TB, value T) int64 {
	tb.Helper()
	reply, err := c.create(tb, value)
	if err != nil {
		tb.Fatalf("create: %v", err)
	}
	if len(reply.Items) != 1 || len(reply.Errors) != 0 {
		tb.Fatalf("create: got %d records and errors %v", len(reply.Items), itemErrors(reply))
	}
	return reply.Items[0].ID
}

// update checks and writes changes of distinct records. It fills in what the
// codec has to know of the records, and the time of change where a change has
// none.
func (c *collection[T, F]) update(tb rapid.TB, changes ...driver.Change[T]) (driver.WriteReply, error) {
	tb.Helper()
	var rest, linked []driver.Change[T]
	for _, change := range changes {
		if err := c.codec.Check(c.env, driver.OpUpdate, change.Value, change.Paths); err != nil {
			return driver.WriteReply{}, err
		}
		if c.codec.NeedsBefore(change.Value, change.Paths) {
			change.Before = c.get(tb, change.ID)
			if c.codec.CheckChange != nil {
				if err := c.codec.CheckChange(change); err != nil {
					return driver.WriteReply{}, err
				}
			}
		}
		if change.UpdateTime.IsZero() {
			change.UpdateTime = c.nextTime(tb, change.ID)
		}
		links, others := false, true
		if c.codec.Linked != nil {
			links, others = c.codec.Linked(change.Paths)
		}
		if links {
			linked = append(linked, change)
		}
		if others || len(change.AddTags)+len(change.RemoveTags) > 0 {
			rest = append(rest, change)
		}
	}
	var all driver.WriteReply
	if len(rest) > 0 {
		call, err := c.codec.Update(c.env, rest)
		if err != nil {
			tb.Fatalf("%v", err)
		}
		if all, err = c.write(tb, driver.OpUpdate, call); err != nil {
			return all, err
		}
	}
	return all, c.link(tb, linked)
}

func (c *collection[T, F]) link(tb rapid.TB, linked []driver.Change[T]) error {
	tb.Helper()
	if len(linked) == 0 {
		return nil
	}
	calls, err := c.codec.Links(c.env, linked)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	for _, call := range calls {
		if err := c.codec.DecodeError(c.account.do(tb, call)); err != nil {
			return err
		}
	}
	return nil
}

// nextTime is later than the stored time of change; of a record that is not
// there it is now.
func (c *collection[T, F]) nextTime(tb rapid.TB, id int64) time.Time {
	tb.Helper()
	now := time.Now().Truncate(time.Second)
	rows, err := c.read(tb, id)
	if err != nil {
		return now
	}
	for _, row := range rows {
		timed, ok := any(row).(interface{ GetUpdateTime() *timestamppb.Timestamp })
		if ok && row.GetId() == id && !timed.GetUpdateTime().AsTime().Before(now) {
			return timed.GetUpdateTime().AsTime().Add(time.Second)
		}
	}
	return now
}

// delete deletes records.
func (c *collection[T, F]) delete(tb rapid.TB, ids ...int64) (driver.WriteReply, error) {
	tb.Helper()
	return c.write(tb, driver.OpDelete, c.codec.Delete(ids))
}

func (c *collection[T, F]) write(tb rapid.TB, op driver.Op, call driver.Call) (driver.WriteReply, error) {
	tb.Helper()
	if want := c.codec.Name + "." + string(op); call.Name != want {
		tb.Errorf("the call is named %s, want %s", call.Name, want)
	}
	wantEffect := driver.Set
	if op == driver.OpCreate {
		wantEffect = driver.Create
	}
	if call.Effect != wantEffect {
		tb.Errorf("%s: the effect is %d, want %d", call.Name, call.Effect, wantEffect)
	}
	response := c.account.do(tb, call)
	if err := c.codec.DecodeError(response); err != nil {
		return driver.WriteReply{}, err
	}
	return c.codec.DecodeWrite(op, response.Body)
}

// set writes the paths of value to a record, which has to succeed.
func (c *collection[T, F]) set(tb rapid.TB, id int64, value T, paths ...string) {
	tb.Helper()
	reply, err := c.update(tb, driver.Change[T]{ID: id, Value: value, Paths: paths})
	if err != nil {
		tb.Fatalf("update of %v: %v", paths, err)
	}
	if len(reply.Errors) != 0 {
		tb.Fatalf("update of %v: %v", paths, itemErrors(reply))
	}
}
