package emulator

import (
	"crypto/rand"
	"encoding/hex"
	"math"
	"net/http"
	"strconv"
	"strings"
)

const (
	v4DefaultLimit = 50
	v4MaxLimit     = 250
)

// NextLinks is which pages of generation v4 have a link to the next one.
type NextLinks int

// The policies of next links.
const (
	NextAsRecorded NextLinks = iota // full pages; every page of notes, tags and transactions
	NextAlways                      // every page
	NextFull                        // full pages
	NextNever
)

// v4Page is the page a list is asked for.
type v4Page struct{ number, limit int }

// offset is the number of rows before the page.
func (p v4Page) offset() int { return (p.number - 1) * p.limit }

// readPage reads page and limit of a list with pages of 250 rows.
func (c *call) readPage() (v4Page, error) { return c.readPageUpTo(v4MaxLimit) }

// readPageUpTo reads page and limit. A limit above the maximum is not refused: the service then answers as if none was
// given.
func (c *call) readPageUpTo(limit int) (p v4Page, err error) {
	p = v4Page{number: 1, limit: v4DefaultLimit}
	defer func() { p.limit = c.action.pageSize(p.limit) }()
	if n := c.query.get("page"); n != nil {
		i, ok := n.integer()
		switch {
		case ok && i >= 1:
			p.number = int(min(i, math.MaxInt32/v4MaxLimit))
		default:
			if err := c.ignored("page: %q is not a number above 0", n.str()); err != nil {
				return p, err
			}
		}
	}
	if n := c.query.get("limit"); n != nil {
		i, ok := n.integer()
		switch {
		case ok && i >= 1 && i <= int64(limit):
			p.limit = int(i)
		default:
			if err := c.ignored("limit: %q is not a number from 1 to %d", n.str(), limit); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// pageLinks writes the links of a page to itself, to the next one if there is, and to those before.
func (c *call) pageLinks(w *jsonWriter, page v4Page, next bool) {
	w.link("self", c.pageHref(page, page.number))
	if next {
		w.link("next", c.pageHref(page, page.number+1))
	}
	if page.number > 1 {
		w.link("first", c.pageHref(page, 1))
		w.link("prev", c.pageHref(page, page.number-1))
	}
}

// v4List is a page of rows on its way into an answer.
type v4List[R any] struct {
	key       string // in _embedded
	page      v4Page
	rows      []*R
	everyNext bool // recorded with a next link on every page that is not empty
	write     func(*jsonWriter, *R)
}

// reply writes the page; an empty one is a 204.
func (l v4List[R]) reply(c *call) *reply {
	last := c.e.config.MaxPages
	if len(l.rows) == 0 || last > 0 && l.page.number > last {
		return emptyReply()
	}
	rows := repeated(c.action, l.rows)
	w := jsonWriter{buf: make([]byte, 0, 1024*len(rows))}
	w.open('{')
	w.keyInteger("_page", int64(l.page.number))
	w.key("_links")
	w.open('{')
	c.pageLinks(&w, l.page, l.page.number != last && c.hasNext(len(l.rows) >= l.page.limit, l.everyNext))
	w.close('}')
	w.embedded(l.key, len(rows), func(i int) { l.write(&w, rows[i]) })
	w.close('}')
	c.e.counters.change(func(s *Stats) { s.RowsSent += int64(len(rows)) })
	return c.halReply(w.buf)
}

func (c *call) hasNext(full, every bool) bool {
	if a := c.action; a != nil && (a.Endless || a.NoNext) {
		return !a.NoNext
	}
	switch c.e.config.NextLinks {
	case NextAlways:
		return true
	case NextFull:
		return full
	case NextNever:
		return false
	case NextAsRecorded:
	}
	return full || every
}

// pageHref is the address of a page of the list that was asked for.
func (c *call) pageHref(p v4Page, number int) string {
	var pairs []string
	var paged, limited bool
	for pair := range strings.SplitSeq(c.request.URL.RawQuery, "&") {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "":
			continue
		case "page":
			pair, paged = "page="+strconv.Itoa(number), true
		case "limit":
			pair, limited = "limit="+strconv.Itoa(p.limit), true
		}
		pairs = append(pairs, pair)
	}
	if !paged {
		pairs = append(pairs, "page="+strconv.Itoa(number))
	}
	if !limited {
		pairs = append(pairs, "limit="+strconv.Itoa(p.limit))
	}
	return c.absolute(trimSlash(c.path) + "?" + strings.Join(pairs, "&"))
}

// repeating is the address of a row in a list: it repeats the query of the list.
func (c *call) repeating(path string) string {
	if q := c.request.URL.RawQuery; q != "" {
		path += "?" + q
	}
	return c.absolute(path)
}

// link writes one member of _links.
func (w *jsonWriter) link(name, href string) {
	w.key(name)
	w.open('{')
	w.keyText("href", href)
	w.close('}')
}

// selfLink writes the _links of a resource of generation v4.
func (w *jsonWriter) selfLink(href string) {
	w.key("_links")
	w.open('{')
	w.link("self", href)
	w.close('}')
}

// embedded writes _embedded with one list of n rows.
func (w *jsonWriter) embedded(key string, n int, write func(i int)) {
	w.key("_embedded")
	w.open('{')
	w.list(key, n, write)
	w.close('}')
}

// list writes a member that is a list of n values.
func (w *jsonWriter) list(key string, n int, write func(i int)) {
	w.key(key)
	w.open('[')
	for i := range n {
		write(i)
	}
	w.close(']')
}

// keyNullable writes an integer, 0 as null.
func (w *jsonWriter) keyNullable(name string, i int64) {
	if i == 0 {
		w.keyRaw(name, "null")
		return
	}
	w.keyInteger(name, i)
}

// writtenReply answers a write of several rows: _links and the rows.
func (c *call) writtenReply(key string, n int, write func(w *jsonWriter, i int)) *reply {
	var w jsonWriter
	w.open('{')
	w.selfLink(c.absolute(trimSlash(c.path)))
	w.embedded(key, n, func(i int) { write(&w, i) })
	w.close('}')
	return c.halReply(w.buf)
}

// noContent answers a write that has nothing to tell.
func noContent() *reply { return newReply(http.StatusNoContent, "", nil) }

// traceID is the number of a request in the service's own logs: 32 hex digits.
func traceID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
