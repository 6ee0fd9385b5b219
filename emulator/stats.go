package emulator

import (
	"maps"
	"sync"
)

// Stats is what the emulator saw since its start or the last reset. Requests below /__emulator/ are not in it.
type Stats struct {
	Requests    int64            `json:"requests"`
	ByOperation map[string]int64 `json:"by_operation"` // see OpAuth and the others
	ByStatus    map[int]int64    `json:"by_status"`    // answers, by HTTP status
	TooMany     int64            `json:"responses_429"`
	Banned      int64            `json:"responses_banned"` // 403 answers given because of a ban
	// FullestWindow is the largest number of requests in any one second, [t, t+1s).
	FullestWindow int `json:"fullest_window"`
	// ByWindow counts the requests by how many the second that ended with them held, themselves included.
	ByWindow map[int]int64 `json:"by_window"`
	Bans     int64         `json:"bans"` // those that began, by the rule or by Ban
	// ByCaller counts the requests by the value of Config.CallerHeader; callers beyond the first thousand are under "…".
	ByCaller      map[string]int64 `json:"by_caller"`
	InFlight      int64            `json:"in_flight"`
	InFlightMax   int64            `json:"in_flight_max"`
	Logins        int64            `json:"logins"` // by auth.php; credentials in the query of other calls are not counted
	LoginFailures int64            `json:"login_failures"`
	DeadTokens    int64            `json:"dead_tokens"` // calls with an access token that was issued and has ended
	Tokens        TokenStats       `json:"tokens"`
	Cancelled     int64            `json:"cancelled"` // callers that left before the answer was complete
	Faulted       int64            `json:"faulted"`   // requests a fault rule acted on
	// Records of every kind together.
	RowsSent   int64 `json:"rows_sent"`
	Added      int64 `json:"added"`
	Updated    int64 `json:"updated"`
	Deleted    int64 `json:"deleted"`
	ItemErrors int64 `json:"item_errors"`
}

// Operations as they appear in Stats.ByOperation and are matched by fault rules.
const (
	OpAuth              = "auth"
	OpAccount           = "account"
	OpCustomersList     = "customers.list"
	OpCustomersWrite    = "customers.write"
	OpTransactionsList  = "customers.transactions.list"
	OpTransactionsWrite = "customers.transactions.write" // comments, at either path, too
	OpPeriodsList       = "customers.periods.list"
	OpPeriodsWrite      = "customers.periods.write"
	OpNotesList         = "notes.list"
	OpNotesWrite        = "notes.write"
	OpOAuthToken        = "oauth.token" //nolint:gosec // an operation
	OpOAuthConsent      = "oauth.consent"
	OpOAuthSubdomain    = "oauth.subdomain" // both look-ups
	OpUnknown           = "unknown"
)

// operations are all of them.
var operations = append([]string{
	OpAuth, OpAccount, OpCustomersList, OpCustomersWrite, OpTransactionsList, OpTransactionsWrite, OpPeriodsList,
	OpPeriodsWrite, OpNotesList, OpNotesWrite, OpOAuthToken, OpOAuthConsent, OpOAuthSubdomain, OpUnknown,
}, v4Operations()...)

// counters guards Stats.
type counters struct {
	mu sync.Mutex
	s  Stats
}

func (c *counters) change(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.ByOperation == nil {
		c.s.ByOperation, c.s.ByStatus, c.s.ByCaller = map[string]int64{}, map[int]int64{}, map[string]int64{}
		c.s.Tokens = newTokenStats()
	}
	f(&c.s)
}

// Stats returns a copy of the counters.
func (e *Emulator) Stats() Stats {
	e.counters.change(func(*Stats) {}) // makes the maps
	e.counters.mu.Lock()
	s := e.counters.s
	s.ByOperation, s.ByStatus, s.ByCaller = maps.Clone(s.ByOperation), maps.Clone(s.ByStatus), maps.Clone(s.ByCaller)
	s.Tokens = s.Tokens.clone()
	e.counters.mu.Unlock()
	e.limiter.tell(&s)
	return s
}

// WindowsOver returns how many requests came when the second that ended with them held more than n, themselves
// included: 0 says that no window of a second held more.
func (s Stats) WindowsOver(n int) int64 {
	var over int64
	for size, count := range s.ByWindow {
		if size > n {
			over += count
		}
	}
	return over
}

// ResetStats sets every counter to zero except the number of requests in flight. The limiter's window, a ban and the
// counts of fault rules stay.
func (e *Emulator) ResetStats() {
	e.counters.change(func(s *Stats) { *s = Stats{InFlight: s.InFlight, InFlightMax: s.InFlight} })
	e.limiter.reset()
}

// maxCallers bounds the memory that names of callers take.
const maxCallers = 1000

// otherCallers is where those beyond the bound are counted.
const otherCallers = "…"

// countCaller counts a request of a caller.
func (s *Stats) countCaller(name string) {
	if _, known := s.ByCaller[name]; !known && len(s.ByCaller) >= maxCallers {
		name = otherCallers
	}
	s.ByCaller[name]++
}
