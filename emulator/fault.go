package emulator

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rule makes the requests it matches go wrong. The tags of it and of its parts are the keys of a fault file.
type Rule struct {
	Match  Match  `json:"match"`
	Action Action `json:"action"`
}

// Match chooses requests. All conditions that are set must hold. The counting conditions count, from 1 and per rule,
// the requests for which the others hold.
type Match struct {
	Method    string `json:"method"`
	Path      string `json:"path"`      // whole path, without BasePath
	Operation string `json:"operation"` // see OpAuth and the others
	Kind      Kind   `json:"kind"`      // what is asked for, whatever the operation
	Query     string `json:"query"`     // text the decoded query contains
	Body      string `json:"body"`      // text the body contains
	Nth       int    `json:"nth"`       // only that one
	From      int    `json:"from"`      // from that one on
	To        int    `json:"to"`        // up to and with that one
	Every     int    `json:"every"`     // each one whose number it divides
	// Probability leaves the rest to chance, above 0 to 1; 0 is no condition. Equal seeds choose the same numbers.
	Probability float64 `json:"probability"`
	Seed        uint64  `json:"seed"`
}

// Kind is what a request asks for, as far as a fault can tell.
type Kind string

// The kinds of requests. The consent page and the look-ups of the domain are of none.
const (
	KindRead  Kind = "read"  // a GET of the API
	KindWrite Kind = "write" // any other call of it
	KindToken Kind = "token" // an exchange of a code or a refresh token
	KindLogin Kind = "login" // auth.php
)

// Action is what happens to a matched request. Status, HTML, Body, Empty, Drop, ExpireSession, BombBytes, Depth and Keys
// answer in the place of the service, which then never sees the request unless Apply is set; the others change its
// answer.
type Action struct {
	Status int               `json:"status"` // with the error body of Config.ErrorStyle, unless HTML or Body
	Header map[string]string `json:"header"` // added to the answer, replacing
	Body   string            `json:"body"`
	HTML   bool              `json:"html"` // a page of the web server, status 200 unless Status
	// Empty answers 204, the spurious end of a list.
	Empty bool `json:"empty"`
	// Drop closes the connection before the first byte.
	Drop bool `json:"drop"`
	// Reset breaks the connection of a Drop or a Cut with a TCP reset instead of closing it.
	Reset bool `json:"reset"`
	// ExpireSession ends every session and answers 401.
	ExpireSession bool `json:"expire_session"`
	// Apply carries the request out before an answer in its place is given: a write that happened and says it did not.
	Apply bool `json:"apply"`

	Delay time.Duration `json:"delay"` // in a file "2s"; before the first byte, in addition to the latency
	// DelayPerItem is added to Delay for every item of a write that reached the service.
	DelayPerItem time.Duration `json:"delay_per_item"`

	Cut       *int  `json:"cut"`        // the connection breaks after so many bytes of the body
	Drip      *Drip `json:"drip"`       // the body arrives in pieces
	Garbled   bool  `json:"garbled"`    // the second half of the body is noise
	Gzip      bool  `json:"gzip"`       // compressed whether asked for or not
	BombBytes int64 `json:"bomb_bytes"` // a gzip body that unpacks to so many zeros
	Depth     int   `json:"depth"`      // a body of so many lists, each in the one before
	Keys      int   `json:"keys"`       // a body of one object with so many keys
	BadText   bool  `json:"bad_text"`   // every name begins with a byte that is no UTF-8 and half a surrogate pair

	Duplicate       int  `json:"duplicate"`         // that many first rows of a list are sent twice
	Shift           int  `json:"shift"`             // rows move under the reader: the list starts so many rows later, or earlier
	Endless         bool `json:"endless"`           // a list answers its first page whatever the offset, with a next link
	Rows            int  `json:"rows"`              // rows of a page, whatever limit was asked for
	NoNext          bool `json:"no_next"`           // a page has no next link
	UpdatedAtMillis bool `json:"updated_at_millis"` // items of an update's answer carry updated_at in milliseconds
}

// Drip delivers Bytes of a body at a time, each after Every.
type Drip struct {
	Bytes int           `json:"bytes"`
	Every time.Duration `json:"every"` // in a file "10ms"
}

// faults are the rules in force, in order: the first that applies acts.
type faults struct {
	mu    sync.Mutex
	rules []*countedRule
}

type countedRule struct {
	Rule
	seen   int
	chance *rand.Rand
}

// Script adds fault rules after those in force. It fails, adding none, when a rule matches nothing or does nothing.
func (e *Emulator) Script(rules ...Rule) error {
	for i, r := range rules {
		if err := r.validate(); err != nil {
			return fmt.Errorf("emulator: fault rule %d: %w", i+1, err)
		}
	}
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	for _, r := range rules {
		e.faults.rules = append(e.faults.rules, newCountedRule(r))
	}
	return nil
}

func newCountedRule(r Rule) *countedRule {
	//nolint:gosec // a fault must come again with its seed
	return &countedRule{Rule: r, chance: rand.New(rand.NewPCG(r.Match.Seed, 0x5fa017))}
}

// ClearFaults removes every fault rule.
func (e *Emulator) ClearFaults() {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.rules = nil
}

// ruleError is what is wrong with a rule, and at which of its keys.
type ruleError struct{ key, text string }

func (e *ruleError) Error() string { return e.key + ": " + e.text }

func (r Rule) validate() error {
	m, a := r.Match, r.Action
	for _, count := range []struct {
		key   string
		value int64
	}{
		{"match.nth", int64(m.Nth)},
		{"match.from", int64(m.From)},
		{"match.to", int64(m.To)},
		{"match.every", int64(m.Every)},
		{"action.delay", int64(a.Delay)},
		{"action.delay_per_item", int64(a.DelayPerItem)},
		{"action.duplicate", int64(a.Duplicate)},
		{"action.rows", int64(a.Rows)},
		{"action.bomb_bytes", a.BombBytes},
		{"action.depth", int64(a.Depth)},
		{"action.keys", int64(a.Keys)},
	} {
		if count.value < 0 {
			return &ruleError{count.key, "must not be negative"}
		}
	}
	switch {
	case m.To > 0 && m.To < m.From:
		return &ruleError{"match.to", fmt.Sprintf("%d is before from, %d", m.To, m.From)}
	case m.Operation != "" && !slices.Contains(operations, m.Operation):
		return &ruleError{"match.operation", fmt.Sprintf("%q is unknown; there are %s", m.Operation, strings.Join(operations, ", "))}
	case m.Kind != "" && !slices.Contains(kinds, m.Kind):
		return &ruleError{"match.kind", fmt.Sprintf("%q is unknown; there are %s, %s, %s, %s", m.Kind, KindRead, KindWrite, KindToken, KindLogin)}
	case !(m.Probability >= 0 && m.Probability <= 1): // so that what is no number is refused too
		return &ruleError{"match.probability", fmt.Sprintf("%v is outside 0 to 1", m.Probability)}
	case a.Reset && !a.Drop && a.Cut == nil:
		return &ruleError{"action.reset", "needs drop or cut"}
	case a.Status != 0 && (a.Status < 200 || a.Status > 599):
		return &ruleError{"action.status", fmt.Sprintf("%d is outside 200 to 599", a.Status)}
	case a.Cut != nil && *a.Cut < 0:
		return &ruleError{"action.cut", "must not be negative"}
	case a.Drip != nil && a.Drip.Bytes < 1:
		return &ruleError{"action.drip.bytes", "must be above 0"}
	case a.Drip != nil && a.Drip.Every < 0:
		return &ruleError{"action.drip.every", "must not be negative"}
	case a.Apply && !a.replaces():
		return &ruleError{"action.apply", "needs an answer to give in the place of the real one"}
	case !a.replaces() && !a.changes():
		return &ruleError{"action", "does nothing"}
	}
	return nil
}

func (a *Action) replaces() bool {
	return a.Status != 0 || a.HTML || a.Body != "" || a.Empty || a.Drop || a.ExpireSession || a.BombBytes > 0 ||
		a.Depth > 0 || a.Keys > 0
}

func (a *Action) changes() bool {
	return len(a.Header) > 0 || a.Delay > 0 || a.DelayPerItem > 0 || a.Cut != nil || a.Drip != nil || a.Garbled || a.Gzip || a.BadText ||
		a.Duplicate > 0 || a.Shift != 0 || a.Endless || a.Rows > 0 || a.NoNext ||
		a.UpdatedAtMillis
}

// match counts the request at every rule and returns the action of the first that applies.
func (f *faults) match(c *call) *Action {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found *Action
	for _, r := range f.rules {
		if !r.Match.concerns(c) {
			continue
		}
		r.seen++
		chosen := r.Match.counts(r.seen) && (r.Match.Probability == 0 || r.chance.Float64() < r.Match.Probability)
		if found == nil && chosen {
			found = &r.Action
		}
	}
	return found
}

func (m Match) concerns(c *call) bool {
	return (m.Method == "" || m.Method == c.request.Method) &&
		(m.Path == "" || m.Path == c.path) &&
		(m.Operation == "" || m.Operation == c.op) &&
		(m.Kind == "" || m.Kind == c.kind()) &&
		(m.Query == "" || strings.Contains(unescape(c.request.URL.RawQuery), m.Query)) &&
		(m.Body == "" || bytes.Contains(c.body, []byte(m.Body)))
}

func (m Match) counts(n int) bool {
	return (m.Nth == 0 || n == m.Nth) && n >= m.From && (m.To == 0 || n <= m.To) && (m.Every == 0 || n%m.Every == 0)
}

// kinds are all of them.
var kinds = []Kind{KindRead, KindWrite, KindToken, KindLogin}

func (c *call) kind() Kind {
	switch {
	case c.op == OpOAuthToken:
		return KindToken
	case c.op == OpAuth:
		return KindLogin
	case !strings.HasPrefix(c.path, "/api/"):
		return ""
	case c.request.Method == http.MethodGet:
		return KindRead
	}
	return KindWrite
}

// faultyReply answers a request as the matched action wants.
func (c *call) faultyReply() *reply {
	a := c.action
	var r *reply
	if !a.replaces() || a.Apply {
		r = c.route()
	}
	if a.replaces() {
		r = c.replacement()
	}
	for k, v := range a.Header {
		r.header.Set(k, v)
	}
	if a.BadText {
		r.body = bytes.ReplaceAll(r.body, []byte(`"name":"`), []byte("\"name\":\"\xff\\ud800"))
	}
	if a.Garbled {
		for i := len(r.body) / 2; i < len(r.body); i++ {
			r.body[i] ^= 0x95 // no byte of JSON is one of JSON afterwards
		}
	}
	if a.Cut != nil {
		r.cut = *a.Cut
	}
	if a.Drip != nil {
		r.drip = drip{bytes: a.Drip.Bytes, every: a.Drip.Every}
	}
	r.delay = a.Delay + time.Duration(c.items)*a.DelayPerItem
	r.drop, r.reset = a.Drop, a.Reset
	return r
}

func (c *call) replacement() *reply {
	a := c.action
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	switch {
	case a.ExpireSession:
		c.e.sessions.expire()
		return c.errorReply(&refusal{status: http.StatusUnauthorized, code: 110, text: "The session is over or was never opened"})
	case a.Empty:
		return emptyReply()
	case a.BombBytes > 0:
		body, err := bomb(a.BombBytes)
		if err != nil {
			return htmlReply(http.StatusInternalServerError)
		}
		r := newReply(status, "application/hal+json", nil)
		r.setGzip(body)
		return r
	case a.Depth > 0:
		body := slices.Concat(bytes.Repeat([]byte("["), a.Depth), bytes.Repeat([]byte("]"), a.Depth))
		return newReply(status, "application/hal+json", body)
	case a.Keys > 0:
		return newReply(status, "application/hal+json", wideObject(a.Keys))
	case a.HTML:
		return htmlReply(status)
	case a.Body != "":
		return newReply(status, "application/hal+json", []byte(a.Body))
	case a.Status == http.StatusNoContent:
		return emptyReply()
	case a.Status != 0:
		return c.errorReply(&refusal{status: status, code: status, text: http.StatusText(status)})
	}
	return emptyReply() // Drop: nobody sees it
}

// offset moves the start of a list as the matched action, if any, wants.
func (a *Action) offset(asked int) int {
	if a == nil {
		return asked
	}
	if a.Endless {
		asked = 0
	}
	return max(0, asked+a.Shift)
}

// pageSize is how many rows a page has where so many were asked for.
func (a *Action) pageSize(asked int) int {
	if a == nil || a.Rows == 0 {
		return asked
	}
	return a.Rows
}

// repeated puts the first rows of a page before it once more as the matched action, if any, wants.
func repeated[R any](a *Action, page []R) []R {
	if a == nil {
		return page
	}
	return slices.Concat(page[:min(a.Duplicate, len(page))], page)
}
