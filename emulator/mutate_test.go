package emulator

import (
	"math"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRandomCustomer_isAnyOfThoseThereAre(t *testing.T) {
	e := open(t, Config{Customers: 10})
	random := rand.New(rand.NewPCG(1, 2))
	var there []int64
	for id := range customerIDs(e) {
		there = append(there, id)
	}
	e.DeleteCustomer(there[0])
	e.TouchCustomer(there[1])
	made := e.CreateCustomer("A").ID
	hits := map[int64]int{}
	const draws = 10_000
	for range draws {
		id, ok := e.RandomCustomer(random)
		if _, is := e.Customer(id); !ok || !is {
			t.Fatalf("%d is not there", id)
		}
		hits[id]++
	}
	if len(hits) != 10 || hits[made] == 0 || hits[there[1]] == 0 {
		t.Errorf("not everybody: %v", hits)
	}
	for id, n := range hits {
		if math.Abs(float64(n)-draws/10) > 150 { // five times the deviation
			t.Errorf("%d was drawn %d times", id, n)
		}
	}
	for id := range customerIDs(e) {
		e.DeleteCustomer(id)
	}
	if id, ok := e.RandomCustomer(random); ok {
		t.Errorf("%d of nobody", id)
	}
}

func TestTouchCustomer_followsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		old := e.CreateCustomer("A")
		e.SetClock(-10 * time.Minute)
		if !e.TouchCustomer(old.ID) || e.TouchCustomer(old.ID+1) {
			t.Error("who is there?")
		}
		cu, _ := e.Customer(old.ID)
		if cu.Name == "A" || cu.UpdatedAt != old.UpdatedAt-600 {
			t.Errorf("%q at %d, after %d", cu.Name, cu.UpdatedAt, old.UpdatedAt)
		}
		if got := e.Stats(); got.Requests != 0 || got.Updated != 0 {
			t.Errorf("counted: %+v", got)
		}
	})
}

// TestMutate_doesWhatIsDue looks at the account at odd times and finds it as someone at work would have left it.
func TestMutate_doesWhatIsDue(t *testing.T) {
	run := func(looks []time.Duration) (rows map[int64]int64, done Mutated) {
		synctest.Test(t, func(t *testing.T) {
			e := open(t, Config{Customers: 500})
			begin := time.Now()
			if err := e.Mutate(Mutation{Updates: 20, Inserts: 2, Deletes: 1, Seed: 7}); err != nil {
				t.Fatal(err)
			}
			for _, look := range looks {
				time.Sleep(look - time.Since(begin))
				ask(t, e, http.MethodGet, accountV4, "")
			}
			done = e.StopMutating()
			time.Sleep(time.Minute)
			rows = map[int64]int64{}
			for cu := range e.Customers() {
				rows[cu.ID] = cu.UpdatedAt - begin.Unix()
				if cu.UpdatedAt > begin.Unix()+10 {
					t.Errorf("%s changed at %d, after the end", cu.Name, cu.UpdatedAt-begin.Unix())
				}
			}
			if got := len(listEvents(t, e, "filter[type]=customer_deleted")); got != 10 {
				t.Errorf("%d events of deletions", got)
			}
		})
		return rows, done
	}
	const end = 10 * time.Second
	once, done := run([]time.Duration{end})
	if diff := cmp.Diff(Mutated{Updates: 200, Inserts: 20, Deletes: 10}, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if len(once) != 510 {
		t.Errorf("%d customers", len(once))
	}
	perSecond := map[int64]int{}
	for _, at := range once {
		if at >= 0 {
			perSecond[at]++
		}
	}
	for second := range int64(10) {
		if perSecond[second] < 10 {
			t.Errorf("second %d: %d customers", second, perSecond[second])
		}
	}
	often, _ := run([]time.Duration{time.Nanosecond, 49 * time.Millisecond, 50 * time.Millisecond, time.Second, 7 * time.Second, end})
	if diff := cmp.Diff(once, often); diff != "" {
		t.Errorf("looking changes it (-once +often):\n%s", diff)
	}
}

func TestMutate_byAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 5})
		if a := order(t, e, http.MethodPost, "mutator?inserts=0.5&seed=3", ""); a.status != http.StatusNoContent {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
		time.Sleep(9 * time.Second)
		if got := len(listV4(t, e, "")); got != 9 {
			t.Errorf("%d customers", got)
		}
		if a := order(t, e, http.MethodDelete, "mutator", ""); a.body != `{"updates":0,"inserts":4,"deletes":0}`+"\n" {
			t.Errorf("done: %s", a.body)
		}
		time.Sleep(9 * time.Second)
		if got := e.CountCustomers(); got != 9 {
			t.Errorf("%d customers after the end", got)
		}
		for _, query := range []string{"", "updates=x", "updates=-1", "deletes=NaN", "inserts=100001", "updates=1&seed=-1"} {
			if a := order(t, e, http.MethodPost, "mutator?"+query, ""); a.status != http.StatusBadRequest {
				t.Errorf("%s: status %d", query, a.status)
			}
		}
	})
}
