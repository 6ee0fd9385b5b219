package emulator

import (
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLongSearchLetsWritersIn deletes rows between two rows of one walk and expects it to go on with the next that is
// left.
func TestLongSearchLetsWritersIn(t *testing.T) {
	e := open(t, Config{Customers: 3 * scanned})
	x := &e.customers.byUpdated
	cur := x.seek(scanned)
	c, j, _ := cur.next()
	if c != nil || j != scanned {
		t.Fatalf("row %v, %d", c, j)
	}
	for _, i := range []int{5, scanned + 1, scanned + 3} {
		e.DeleteCustomer(e.customers.seed.id(i))
	}
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	cur = e.customers.pause(cur)
	for _, want := range []int{scanned + 2, scanned + 4} {
		if _, got, ok := cur.next(); !ok || got != want {
			t.Errorf("row %d, want %d", got, want)
		}
	}
}

func TestSearchFindsRowsAcrossPauses(t *testing.T) {
	e := open(t, Config{Customers: 2*scanned + 10})
	var want []int64
	for _, i := range []int{1, scanned - 1, scanned, scanned + 1, 2 * scanned, 2*scanned + 9} {
		id := e.customers.seed.id(i)
		if err := e.UpdateCustomer(id, func(c *Customer) { c.Name, c.UpdatedAt = "sought", c.UpdatedAt+1 }); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	if diff := cmp.Diff(want, list(t, e, "query=sought")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// needles finds the customers of that name. With the first row that a walk looks at a change waits to be let in.
func needles(st *customerStore, change func()) (keep func(*Customer) bool, changed <-chan struct{}) {
	done := make(chan struct{})
	wait := sync.OnceFunc(func() {
		go func() {
			defer close(done)
			st.mu.Lock()
			defer st.mu.Unlock()
			change()
		}()
		for st.mu.TryRLock() { // until the writer waits
			st.mu.RUnlock()
			runtime.Gosched()
		}
	})
	return func(cu *Customer) bool {
		wait()
		return cu.Name == "needle"
	}, done
}

// TestRowThatChangesDuringAWalkIsFoundOnce lets a writer in at the pause of a walk that has found two rows. It deletes
// the row the walk is at, and deletes one of the two or moves it to the end of the list, where the walk comes by again:
// in the small account it is the next row the walk reads.
func TestRowThatChangesDuringAWalkIsFoundOnce(t *testing.T) {
	pages := []struct {
		name string
		page func(*customerStore, listQuery) []*Customer
		q    listQuery
		want []int64
	}{
		{"v2", (*customerStore).page, listQuery{rows: 10}, []int64{7, 8}},
		{"v4", (*customerStore).pageV4, listQuery{rows: 10}, []int64{7, 8}},
		{"from the end", (*customerStore).pageV4, listQuery{rows: 1, desc: true}, []int64{8}},
		{"second from the end", (*customerStore).pageV4, listQuery{rows: 1, offset: 1, desc: true}, []int64{7}},
	}
	for name, change := range map[string]func(e *Emulator, c Customer){
		"moved": func(e *Emulator, c Customer) {
			c.UpdatedAt = 4_000_000_000
			e.changeCustomer(e.customers.find(c.ID), &c, e.now())
		},
		"deleted": func(e *Emulator, c Customer) { e.removeCustomer(c.ID, e.now()) },
	} {
		for _, customers := range []int{scanned - 2, scanned + 10} {
			for _, p := range pages {
				e := open(t, Config{Customers: customers})
				first := mustAdd(t, e, Customer{ID: 7, Name: "needle", UpdatedAt: 1})
				mustAdd(t, e, Customer{ID: 8, Name: "needle", UpdatedAt: 2})
				st := e.customers
				keep, changed := needles(st, func() {
					change(e, first)
					e.removeCustomer(st.seed.id(scanned-3), e.now())
				})
				p.q.keep = keep
				var got []int64
				for _, cu := range p.page(st, p.q) {
					got = append(got, cu.ID)
				}
				<-changed
				if diff := cmp.Diff(p.want, got); diff != "" {
					t.Errorf("%s, %s among %d (-want +got):\n%s", p.name, name, customers, diff)
				}
			}
		}
	}
}

// TestLongWindowLetsWritersIn has a row deleted that a window of updated_at has not come to when it pauses.
func TestLongWindowLetsWritersIn(t *testing.T) {
	e := open(t, Config{Customers: 2 * windowShare * scanned})
	st := e.customers
	last, _ := e.Customer(st.seed.id(scanned + 10))
	mustAdd(t, e, Customer{ID: 7, Name: "needle", UpdatedAt: 1})
	mustAdd(t, e, Customer{ID: 8, Name: "needle", UpdatedAt: last.UpdatedAt})
	keep, changed := needles(st, func() { e.removeCustomer(8, e.now()) })
	rows := st.pageV4(listQuery{rows: 10, byID: true, updated: &span{1, last.UpdatedAt}, keep: keep})
	<-changed
	if len(rows) != 1 || rows[0].ID != 7 {
		t.Errorf("found %d rows", len(rows))
	}
}
