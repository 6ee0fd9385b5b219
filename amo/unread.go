package amo

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// unread is a page that upstream was asked for.
type unread[T, F proto.Message] struct {
	collection *Collection[T, F]
	driver     driver.Resource[T, F]
	env        *driver.Env
	sending    *sending
	err        error

	// received says that upstream answered body.
	received bool
	body     []byte
	// packed is the answer of a page that was packed; nil = it is not.
	packed *rawAnswer
	// page is what was decoded from it, scanned what was found in it where the
	// driver finds rows and reads them later.
	page    driver.Page[T]
	scanned driver.Scanned[T]
	// renewed says that the account was read again for a row.
	renewed bool
}

// ask sends r, whose decode is not set.
func (c *Collection[T, F]) ask(ctx context.Context, d driver.Resource[T, F], r request) *unread[T, F] {
	u := &unread[T, F]{collection: c, driver: d}
	r.decode = u.decode
	u.sending = &sending{request: r}
	if u.env, u.err = c.client.account(ctx, d.Generation); u.err == nil {
		u.err = c.client.carryOut(ctx, u.sending)
	}
	return u
}

// isKept says that the answer was kept as received.
func (u *unread[T, F]) isKept() bool { return u.sending.kept != nil }

func (u *unread[T, F]) decode(resp driver.Response) error {
	if err := u.driver.DecodeError(resp); err != nil {
		return err
	}
	u.body, u.received = resp.Body, true
	if err := u.decodeBody(); err != nil {
		return err
	}
	if mustWait := u.sending.mustWait; mustWait != nil && mustWait() {
		u.pack()
	}
	return nil
}

func (u *unread[T, F]) decodeBody() (err error) {
	if u.driver.Scan != nil {
		u.scanned, err = u.driver.Scan(u.body)
		return err
	}
	u.page, err = u.driver.DecodeList(u.env, u.body)
	return err
}

// read makes the page ready and returns what it cost. A custom field that is not
// known makes it read the account again, once in a while, and so does an answer
// that customers are switched off.
func (u *unread[T, F]) read(ctx context.Context) (usage, error) {
	client, generation := u.collection.client, u.driver.Generation
	switch {
	case u.env == nil:
		return usage{}, u.err
	case u.isKept():
		u.err = client.open(ctx, u.sending)
	}
	cost := u.sending.usage
	switch {
	case u.err != nil && (!u.received || !IsKind(u.err, KindCustomersDisabled)):
		return cost, client.confirm(ctx, generation, u.err)
	case u.err == nil && len(u.page.UnknownFields) == 0:
		return cost, nil
	}
	if !u.renew(ctx) {
		// Values of unknown fields were decoded as raw: nothing is lost.
		return cost, u.err
	}
	return cost, u.decodeBody()
}

// renew reads the account again and says whether that is of use.
func (u *unread[T, F]) renew(ctx context.Context) bool {
	client := u.collection.client
	fresh, err := client.env(ctx, u.driver.Generation, client.config.Settings.AccountRest)
	if err != nil || fresh == u.env {
		return false
	}
	u.env = fresh
	return true
}

// rows returns the rows of the page.
func (u *unread[T, F]) rows() []pageRow[T] {
	if u.driver.Scan == nil {
		rows := make([]pageRow[T], len(u.page.Rows))
		for i, row := range u.page.Rows {
			rows[i] = pageRow[T]{id: recordID(row), changed: recordUpdateTime(row), page: u, place: i}
		}
		return rows
	}
	rows := make([]pageRow[T], len(u.scanned.Heads))
	for i, head := range u.scanned.Heads {
		rows[i] = pageRow[T]{id: head.ID, changed: head.Changed, page: u, place: i}
	}
	return rows
}

// pack gives up all of a page that has to wait but what was received, and what was
// found of its rows. The rest is made again when the first row is read.
func (u *unread[T, F]) pack() {
	if u.driver.Scan == nil || len(u.body) <= chunkBytes {
		return // little would be won
	}
	u.scanned.Release()
	u.scanned.Read, u.scanned.Release = nil, nil
	u.packed = u.sending.answer
	if u.packed.gzip {
		reuseBody(u.body)
	}
	u.body, u.packed.Body = nil, nil
}

// unpack unpacks a page that was packed and finds its rows again.
func (u *unread[T, F]) unpack() error {
	answer := u.packed
	if err := answer.unpack(); err != nil {
		return u.sending.named(err)
	}
	u.packed, u.body = nil, answer.Body
	return u.decodeBody()
}

// release gives up the rows of a page that are read one by one, when all of them
// were that are needed.
func (u *unread[T, F]) release() {
	if u.driver.Scan == nil {
		return // rows may hold on to what they were made of
	}
	if u.scanned.Release != nil {
		u.scanned.Release()
	}
	reuseBody(u.body)
	u.body, u.packed, u.scanned = nil, nil, driver.Scanned[T]{}
}

// next says that upstream announced another page.
func (u *unread[T, F]) next() bool { return u.page.Next || u.scanned.Next }

// row returns a row of the page. One that cannot be read ends the list: those
// before it may have been sent.
func (u *unread[T, F]) row(ctx context.Context, place int) (T, error) {
	if u.driver.Scan == nil {
		return u.page.Rows[place], nil
	}
	if u.packed != nil {
		if err := u.unpack(); err != nil {
			return *new(T), err
		}
	}
	row, unknown, err := u.scanned.Read(u.env, place)
	if err == nil && len(unknown) > 0 && !u.renewed {
		u.renewed = true
		if u.renew(ctx) {
			row, _, err = u.scanned.Read(u.env, place)
		}
	}
	return row, err
}
