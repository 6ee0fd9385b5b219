package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEverythingAtOnce runs requests of every kind, changes from outside and changes of the emulator itself against
// each other, and holds every page to its order: by updated_at, ties by id, no row twice.
func TestEverythingAtOnce(t *testing.T) {
	e := open(t, Config{Customers: 300, Strict: true, MainContactWritable: true})
	const rounds = 8
	id := func(i int) int64 { return e.customers.seed.id(i) }
	post := func(path, format string, args ...any) {
		if a := ask(t, e, http.MethodPost, path, fmt.Sprintf(format, args...)); a.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, a.status, a.body)
		}
	}
	var all sync.WaitGroup
	for w := range 3 {
		all.Go(func() { // changes that move rows, many to the same second
			for i := range rounds {
				post("/api/v2/customers", `{"update":[{"id":%d,"updated_at":%d,"tags":"t%d","contacts_id":[%d],"main_contact_id":%[4]d,`+
					`"custom_fields":[{"id":1250001,"values":[{"value":"x"}]}]}]}`, id(w*rounds+i), 1_900_000_000+i%3, i, i+1)
				post("/api/v2/customers", `{"add":[{"name":"A","next_date":5,"updated_at":1900000001}],"delete":[%d]}`, id(200+w*rounds+i))
				post(transactionsPath, `{"add":[{"customer_id":%d,"price":1,"next_price":%d}]}`, id(100), i)
			}
		})
		all.Go(func() {
			for i := range rounds {
				checkPage(t, ask(t, e, http.MethodGet, fmt.Sprintf("/api/v2/customers?limit_rows=50&limit_offset=%d", 25*i), ""))
				checkPage(t, ask(t, e, http.MethodGet, "/api/v2/customers?filter[date][type]=modify&filter[date][from]=01.01.2010&limit_rows=60", ""))
				checkPage(t, ask(t, e, http.MethodGet, "/api/v2/customers?query=a&limit_rows=60", ""))
				listOf(t, e, transactionsPath, fmt.Sprint("customer_id=", id(100)))
			}
		})
	}
	all.Go(func() { // the account's other users, and whoever runs the test
		for i := range rounds {
			if err := e.UpdateCustomer(id(150+i), func(c *Customer) { c.Name = "moved" }); err != nil {
				t.Error(err)
			}
			e.DeleteCustomer(id(170 + i))
			if err := e.AddField(Field{ID: 1250001, Name: fmt.Sprint("text ", i), Type: FieldText}); err != nil {
				t.Error(err)
			}
			mustSetPeriods(t, e, seedPeriods...)
			post(periodsPath, `%s`, periodsWith(newPeriods(2)))
			e.Periods()
			e.Fields()
			e.ResetStats()
			e.CountTransactions()
		}
	})
	all.Go(func() {
		for range rounds {
			a := send(t, e, newRequest(t, http.MethodGet, loginPath+"&"+rightPair, ""))
			r := newRequest(t, http.MethodGet, "/api/v2/account?with=custom_fields,users", "")
			for _, c := range (&http.Response{Header: a.header}).Cookies() {
				r.AddCookie(c)
			}
			send(t, e, r)
			e.ExpireSessions()
			if err := e.Script(Rule{Match: Match{Path: "/nowhere"}, Action: Action{Status: http.StatusTeapot}}); err != nil {
				t.Error(err)
			}
			e.ClearFaults()
		}
	})
	all.Wait()
	if got, want := e.CountCustomers(), 300-rounds; got != want { // as many added as deleted by requests
		t.Errorf("%d customers, want %d", got, want)
	}
	seen := map[int64]bool{}
	last := sortKey{}
	for c := range e.Customers() {
		k := sortKey{c.UpdatedAt, c.ID}
		if seen[c.ID] || k.compare(last) <= 0 {
			t.Errorf("customer %d, updated at %d, follows %v", c.ID, c.UpdatedAt, last)
		}
		seen[c.ID], last = true, k
	}
	if len(seen) != e.CountCustomers() {
		t.Errorf("%d customers are listed of %d", len(seen), e.CountCustomers())
	}
}

// checkPage checks the order of the rows of one answer.
func checkPage(t *testing.T, a answered) {
	t.Helper()
	if a.status == http.StatusNoContent {
		return
	}
	var doc struct {
		Embedded struct {
			Items []struct {
				ID        int64 `json:"id"`
				UpdatedAt int64 `json:"updated_at"`
			} `json:"items"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusOK {
		t.Errorf("status %d, %v: %s", a.status, err, a.body)
		return
	}
	seen := map[int64]bool{}
	last := sortKey{}
	for _, row := range doc.Embedded.Items {
		k := sortKey{row.UpdatedAt, row.ID}
		if seen[row.ID] || k.compare(last) <= 0 {
			t.Errorf("customer %d, updated at %d, follows %v", row.ID, row.UpdatedAt, last)
		}
		seen[row.ID], last = true, k
	}
}

// TestOneOfManyWritersWins lets writers that read the same state update it, and expects the lock to let one through.
func TestOneOfManyWritersWins(t *testing.T) {
	e := open(t, Config{})
	const writers = 8
	mustAdd(t, e, Customer{ID: 7, Name: "old", UpdatedAt: 1000})
	var all sync.WaitGroup
	refused := make(chan bool, writers)
	for w := range writers {
		all.Go(func() {
			a := ask(t, e, http.MethodPost, "/api/v2/customers", fmt.Sprintf(`{"update":[{"id":7,"updated_at":1001,"name":"%d"}]}`, w))
			refused <- strings.Contains(a.body, staleText)
		})
	}
	all.Wait()
	close(refused)
	won := writers
	for no := range refused {
		if no {
			won--
		}
	}
	if won != 1 || stored(t, e, 7).UpdatedAt != 1001 {
		t.Errorf("%d writers won: %+v", won, stored(t, e, 7))
	}
}

// TestLimiterUnderConcurrency asks at once, more than the window holds, and expects exactly the window to pass.
func TestLimiterUnderConcurrency(t *testing.T) {
	l := limiter{limit: 7, banAfter: 20, banSpan: time.Minute, banFor: time.Minute}
	now := time.Now()
	var all sync.WaitGroup
	verdicts := make(chan verdict, 40)
	for i := range 40 {
		all.Go(func() { verdicts <- l.arrive(now.Add(-time.Duration(i)*time.Microsecond), true) })
	}
	all.Wait()
	close(verdicts)
	counts := map[verdict]int{}
	for v := range verdicts {
		counts[v]++
	}
	if counts[admitted] != 7 || counts[tooMany] != 20 || counts[banned] != 13 || l.fullest != 40 {
		t.Errorf("admitted %d, refused %d, banned %d, fullest window %d", counts[admitted], counts[tooMany], counts[banned], l.fullest)
	}
}
