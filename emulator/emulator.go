package emulator

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// adminPrefix is where the emulator speaks of itself: no limiter slot, no authentication.
const adminPrefix = "/__emulator/"

// Emulator is one emulated account. It is an http.Handler, and Transport makes it an http.RoundTripper. All its
// methods are safe for concurrent use; it starts no goroutine.
type Emulator struct {
	config        Config
	zone          *time.Location
	limiter       limiter
	counters      counters
	faults        faults
	sessions      sessions
	catalogue     catalogue // of customers
	segmentFields catalogue
	customers     *customerStore
	mode          modeStore
	grants        grants
	hosts         hostStore
	clock         clock
	mutator       mutator
}

// New returns an emulator of the account config describes. It fails when a setting is out of range.
func New(config Config) (*Emulator, error) {
	config = config.withDefaults(time.Now())
	if err := config.validate(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(config.TimeZone)
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		config: config,
		zone:   zone,
		limiter: limiter{
			limit: config.Window, banAfter: config.BanAfter, banSpan: config.BanSpan, banFor: config.BanFor,
		},
		sessions: sessions{lifetime: config.SessionLifetime, slides: config.SessionSlides},
	}
	e.catalogue.init(seedFields)
	e.segmentFields.init(seedSegmentFields)
	e.mode.set(config.CustomersMode)
	e.grants.init(config.OAuth.ClientSecret)
	e.hosts.name = config.Host
	e.customers = newCustomerStore(newSeed(config), config)
	e.customers.periods.now = e.now
	return e, nil
}

// call is one request on its way to an answer.
type call struct {
	e       *Emulator
	request *http.Request
	path    string // without BasePath
	op      string
	query   *node
	body    []byte
	now     time.Time
	action  *Action // of the fault rule that matched, nil for none
	cookies []*http.Cookie
	v4      *v4Match // nil for a call of another generation
	items   int      // of a write that was read
}

// answer takes a request through limiter, faults, authentication and its route. It never waits.
func (e *Emulator) answer(r *http.Request) *reply {
	e.mutate()
	c := &call{e: e, request: r, now: e.now()}
	path, ok := e.trimBase(r.URL.Path)
	if !ok { // nothing of the account's lives there
		return htmlReply(http.StatusNotFound)
	}
	c.path = path
	if rest, ok := strings.CutPrefix(c.path, adminPrefix); ok {
		return c.admin(rest)
	}
	c.op = operation(r.Method, c.path)
	if strings.HasPrefix(c.path, v4Prefix) {
		c.v4 = matchV4(r.Method, c.path)
		if c.v4.route != nil {
			c.op = c.v4.route.op
		}
	}
	e.counters.change(func(s *Stats) {
		s.Requests++
		s.ByOperation[c.op]++
		s.countCaller(r.Header.Get(e.config.CallerHeader))
	})
	judged := admitted
	if c.op != OpOAuthConsent { // the page is of another host, where browsers go
		judged = e.limiter.arrive(time.Now(), c.takesSlot())
	}
	rep := c.judge(judged)
	c.finish(rep)
	e.counters.change(func(s *Stats) {
		s.ByStatus[rep.status]++
		switch judged {
		case admitted:
		case tooMany:
			s.TooMany++
		case banned:
			s.Banned++
		}
		if c.action != nil {
			s.Faulted++
		}
	})
	return rep
}

// trimBase returns a path without BasePath; ok is false for one that does not lie below it.
func (e *Emulator) trimBase(path string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, e.config.BasePath)
	return rest, ok && strings.HasPrefix(rest, "/")
}

func (c *call) judge(v verdict) *reply {
	switch v {
	case banned:
		if c.isV4() || c.isOAuth() || c.e.config.BanHTML { // refused by the web server in front of the service
			return htmlReply(http.StatusForbidden)
		}
		return c.errorReply(&refusal{status: http.StatusForbidden, code: 403, text: "Access is blocked because of too many requests"})
	case tooMany:
		return c.tooManyReply()
	case admitted:
	}
	body, err := readBody(c.request)
	if errors.Is(err, errTooLarge) {
		return c.errorReply(&refusal{status: http.StatusRequestEntityTooLarge, code: 400, text: err.Error()})
	}
	if err != nil { // the caller is gone, or broke its own body
		r := htmlReply(http.StatusBadRequest)
		r.drop = true
		return r
	}
	c.body = body
	c.query = parseForm(c.request.URL.RawQuery)
	c.action = c.e.faults.match(c)
	if c.action != nil {
		return c.faultyReply()
	}
	return c.route()
}

func (c *call) tooManyReply() *reply {
	var r *reply
	switch c.e.config.LimitBody {
	case LimitHTML:
		r = htmlReply(http.StatusTooManyRequests)
	case LimitText:
		r = newReply(http.StatusTooManyRequests, "text/plain; charset=UTF-8", []byte("Too Many Requests"))
	case LimitEmpty:
		r = newReply(http.StatusTooManyRequests, "", nil)
	case LimitError:
		r = c.errorReply(&refusal{status: http.StatusTooManyRequests, code: 429, text: "Too many requests"})
	}
	if wait := c.e.config.RetryAfter; wait > 0 {
		r.header.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	}
	return r
}

// trimSlash tolerates the slash some documents print at the end of a method's path.
func trimSlash(path string) string {
	if len(path) > 1 {
		return strings.TrimSuffix(path, "/")
	}
	return path
}

func operation(method, path string) string {
	switch trimSlash(path) {
	case "/private/api/auth.php":
		return OpAuth
	case tokenPath:
		return OpOAuthToken
	case consentPath:
		return OpOAuthConsent
	case subdomainPath, deprecatedDomainPath:
		return OpOAuthSubdomain
	case "/api/v2/account":
		if method == http.MethodGet {
			return OpAccount
		}
	case "/api/v2/customers":
		switch method {
		case http.MethodGet:
			return OpCustomersList
		case http.MethodPost:
			return OpCustomersWrite
		}
	case transactionsPath:
		switch method {
		case http.MethodGet:
			return OpTransactionsList
		case http.MethodPost:
			return OpTransactionsWrite
		}
	case commentPath:
		if method == http.MethodPost {
			return OpTransactionsWrite
		}
	case periodsPath:
		switch method {
		case http.MethodGet:
			return OpPeriodsList
		case http.MethodPost:
			return OpPeriodsWrite
		}
	case notesPath:
		switch method {
		case http.MethodGet:
			return OpNotesList
		case http.MethodPost:
			return OpNotesWrite
		}
	}
	return OpUnknown
}

// route answers a request as the service would without faults.
func (c *call) route() *reply {
	if c.isOAuth() {
		return c.routeOAuth()
	}
	if r := c.checkHost(); r != nil {
		if c.op == OpAuth {
			return c.loginFailed(r)
		}
		return c.errorReply(r)
	}
	if c.op == OpAuth {
		return c.login()
	}
	if c.isV4() {
		return c.routeV4()
	}
	if !strings.HasPrefix(c.path, "/api/v2/") {
		return htmlReply(http.StatusNotFound)
	}
	if r := c.authenticate(); r != nil {
		return c.errorReply(r)
	}
	rep, err := c.resource()
	if err != nil {
		r, ok := errors.AsType[*refusal](err)
		if !ok {
			r = &refusal{status: http.StatusInternalServerError, code: 500, text: err.Error()}
		}
		return c.errorReply(r)
	}
	return rep
}

func (c *call) resource() (*reply, error) {
	switch c.op {
	case OpAccount:
		return c.readAccount()
	case OpCustomersList:
		return c.listCustomers()
	case OpCustomersWrite:
		return c.writeCustomers()
	case OpTransactionsList:
		return c.listTransactions()
	case OpTransactionsWrite:
		return c.writeTransactions()
	case OpPeriodsList:
		return c.listPeriods()
	case OpPeriodsWrite:
		return c.writePeriods()
	case OpNotesList:
		return c.listNotes()
	case OpNotesWrite:
		return c.writeNotes()
	}
	switch trimSlash(c.path) {
	case "/api/v2/account", "/api/v2/customers", transactionsPath, commentPath, periodsPath, notesPath:
		return nil, &refusal{status: http.StatusMethodNotAllowed, code: 405, text: "Request method is not allowed"}
	}
	return nil, &refusal{status: http.StatusNotFound, code: 104, text: "Requested API method is not found"}
}

// checkHost refuses requests for another account.
func (c *call) checkHost() *refusal {
	wrong := c.e.hosts.refuses(c.host(), c.e.config.MovedNotFound)
	if wrong == nil {
		return nil
	}
	return wrong.refusal
}

// finish adds what every answer carries: dates, cookies, compression, latency.
func (c *call) finish(r *reply) {
	if r.header.Get("Date") == "" { // a fault may have given another
		r.header.Set("Date", c.now.UTC().Format(http.TimeFormat))
	}
	if r.status < 300 {
		r.header.Set("Runtime-Timestamp", strconv.FormatInt(c.now.Unix(), 10))
	}
	if c.isV4() {
		r.header.Set("X-Request-Id", traceID())
	}
	for _, cookie := range c.cookies {
		r.header.Add("Set-Cookie", cookie.String())
	}
	r.delay += c.e.config.Latency + time.Duration(c.items)*c.e.config.LatencyPerItem
	encoded := r.header.Get("Content-Encoding") != ""
	forced := c.action != nil && c.action.Gzip
	if !encoded && (forced || len(r.body) >= minGzip && acceptsGzip(c.request.Header)) {
		if err := r.compress(); err != nil {
			*r = *htmlReply(http.StatusInternalServerError)
		}
	}
}

// href is the path of the request with its query as received, credentials included: the service echoes them too, but
// not a slash at the end of the path.
func (c *call) href() string {
	path := trimSlash(c.path)
	if q := c.request.URL.RawQuery; q != "" {
		return path + "?" + q
	}
	return path
}

// checkQuery refuses, in strict mode, a query parameter the method does not have, and an If-Modified-Since nobody reads.
// Credentials fit every method of v2.
func (c *call) checkQuery(known ...string) error {
	if !c.e.config.Strict {
		return nil
	}
	if !c.isV4() {
		known = append(known, "USER_LOGIN", "USER_HASH", "login", "api_key")
	}
	if key := c.query.unknownKey(known...); key != "" {
		return badRequest("unknown query parameter %q", key)
	}
	read := c.op == OpCustomersList && c.e.config.HonourIfModifiedSince || c.op == OpNotesList
	if c.request.Header.Get("If-Modified-Since") != "" && !read {
		return badRequest("If-Modified-Since is ignored here")
	}
	return nil
}
