package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
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
	FullestWindow int   `json:"fullest_window"`
	InFlight      int64 `json:"in_flight"`
	InFlightMax   int64 `json:"in_flight_max"`
	Logins        int64 `json:"logins"` // by auth.php; credentials in the query of other calls are not counted
	LoginFailures int64 `json:"login_failures"`
	Cancelled     int64 `json:"cancelled"` // callers that left before the answer was complete
	Faulted       int64 `json:"faulted"`   // requests a fault rule acted on
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
	OpUnknown           = "unknown"
)

// operations are all of them.
var operations = append([]string{
	OpAuth, OpAccount, OpCustomersList, OpCustomersWrite, OpTransactionsList, OpTransactionsWrite, OpPeriodsList,
	OpPeriodsWrite, OpNotesList, OpNotesWrite, OpUnknown,
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
		c.s.ByOperation, c.s.ByStatus = map[string]int64{}, map[int]int64{}
	}
	f(&c.s)
}

// Stats returns a copy of the counters.
func (e *Emulator) Stats() Stats {
	e.counters.mu.Lock()
	s := e.counters.s
	s.ByOperation, s.ByStatus = maps.Clone(s.ByOperation), maps.Clone(s.ByStatus)
	e.counters.mu.Unlock()
	if s.ByOperation == nil {
		s.ByOperation, s.ByStatus = map[string]int64{}, map[int]int64{}
	}
	s.FullestWindow = e.limiter.fullestWindow()
	return s
}

// ResetStats sets every counter to zero except the number of requests in flight. The limiter's window, a ban and the
// counts of fault rules stay.
func (e *Emulator) ResetStats() {
	e.counters.change(func(s *Stats) { *s = Stats{InFlight: s.InFlight, InFlightMax: s.InFlight} })
	e.limiter.resetFullest()
}

// serveStats answers GET (read) and DELETE (reset) of /__emulator/stats.
func (e *Emulator) serveStats(method string) *reply {
	switch method {
	case http.MethodGet:
	case http.MethodDelete:
		e.ResetStats()
	default:
		return htmlReply(http.StatusMethodNotAllowed)
	}
	body, err := json.Marshal(e.Stats())
	if err != nil {
		return htmlReply(http.StatusInternalServerError)
	}
	return newReply(http.StatusOK, "application/json", append(body, '\n'))
}
