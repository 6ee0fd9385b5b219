package emulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestV4Customers_windows compares pages of windows of updated_at, in every order and with other filters, with all rows.
func TestV4Customers_windows(t *testing.T) {
	for _, config := range []Config{
		{Customers: 600},
		{Customers: 600, SeedSpread: SeedRandom, SeedSpan: time.Hour, SeedBurst: 40},
	} {
		e := open(t, config)
		random := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			id, _ := e.RandomCustomer(random)
			other, _ := e.RandomCustomer(random)
			at, _ := e.Customer(other)
			if err := e.UpdateCustomer(id, func(cu *Customer) { cu.UpdatedAt, cu.Name = at.UpdatedAt+1, "changed" }); err != nil {
				t.Fatal(err)
			}
			e.DeleteCustomer(other)
		}
		all := slices.Collect(e.Customers())
		user := e.config.UserID
		for range 15 {
			from := random.IntN(len(all))
			to := min(len(all)-1, from+random.IntN(300))
			begin, end := all[from].UpdatedAt, all[to].UpdatedAt
			for filter, keep := range map[string]func(Customer) bool{
				"":                      func(Customer) bool { return true },
				"&filter[name]=changed": func(cu Customer) bool { return cu.Name == "changed" },
				"&query=changed":        func(cu Customer) bool { return cu.Name == "changed" },
				"&filter[responsible_user_id]=" + digits(user): func(cu Customer) bool { return cu.ResponsibleUserID == user },
			} {
				for _, order := range []string{"", "&order[id]=desc", "&order[updated_at]=asc", "&order[updated_at]=desc"} {
					var found []Customer
					for _, cu := range all {
						if cu.UpdatedAt >= begin && cu.UpdatedAt <= end && keep(cu) {
							found = append(found, cu)
						}
					}
					if !strings.Contains(order, "updated_at") {
						slices.SortFunc(found, func(a, b Customer) int { return cmp.Compare(a.ID, b.ID) })
					}
					if strings.HasSuffix(order, "desc") {
						slices.Reverse(found)
					}
					page := 1 + random.IntN(1+len(found)/20)
					var want []int64
					for _, cu := range found[min(len(found), (page-1)*20):min(len(found), page*20)] {
						want = append(want, cu.ID)
					}
					query := fmt.Sprintf("filter[updated_at][from]=%d&filter[updated_at][to]=%d&limit=20&page=%d%s%s", begin, end, page, filter, order)
					if diff := gocmp.Diff(want, listV4(t, e, query)); diff != "" {
						t.Fatalf("%s of %d (-want +got):\n%s", query, len(found), diff)
					}
				}
			}
		}
	}
}

func TestV4Customers_switchesOfLists(t *testing.T) {
	const n = 40
	ids := func(config Config, query string) []int64 {
		config.Customers = n
		return listV4(t, open(t, config), query)
	}
	var byID, byUpdated []int64
	var last int64
	for cu := range open(t, Config{Customers: n}).Customers() {
		byUpdated, byID, last = append(byUpdated, cu.ID), append(byID, cu.ID), cu.UpdatedAt
	}
	slices.Sort(byID)
	for _, test := range []struct {
		config Config
		query  string
		want   []int64
	}{
		{Config{}, "order[updated_at]=asc", byUpdated},
		{Config{OrderIgnored: true}, "order[updated_at]=asc", byID},
		{Config{}, "filter[updated_at][to]=" + digits(last), byID},
		{Config{UpdatedToExcluded: true}, "order[updated_at]=asc&filter[updated_at][to]=" + digits(last), byUpdated[:n-1]},
		{Config{UpdatedToExcluded: true}, "order[updated_at]=asc&filter[updated_at]=" + digits(last), byUpdated[n-1:]},
		{Config{UpdatedToExcluded: true}, "order[updated_at]=asc&filter[updated_at][from]=" + digits(last), byUpdated[n-1:]},
		{Config{MaxPages: 3}, "limit=10&page=3", byID[20:30]},
		{Config{MaxPages: 3}, "limit=10&page=4", nil},
	} {
		if diff := gocmp.Diff(test.want, ids(test.config, test.query)); diff != "" {
			t.Errorf("%+v, %s (-want +got):\n%s", test.config, test.query, diff)
		}
	}
	e := open(t, Config{Customers: n, MaxPages: 3})
	for page, want := range map[int]bool{2: true, 3: false} {
		a := ask(t, e, http.MethodGet, fmt.Sprintf("%s?limit=10&page=%d", v4CustomersPath, page), "")
		if strings.Contains(a.body, `"next"`) != want {
			t.Errorf("page %d: %s", page, a.body[:200])
		}
	}
}

// TestListDelay_showsWritesLater lets lists of both generations be behind, and everything else not.
func TestListDelay_showsWritesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 3, ListDelay: 10 * time.Second})
		before := list(t, e, "")
		gone, changed := before[0], before[1]
		e.DeleteCustomer(gone)
		mustPatch(t, e, changed, `{"name":"changed"}`)
		added := e.CreateCustomer("added").ID
		lists := func() (v2, v4 []int64) {
			return list(t, e, ""), listV4(t, e, "order[updated_at]=asc")
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		v2, v4 := lists()
		if diff := gocmp.Diff([][]int64{before, before}, [][]int64{v2, v4}); diff != "" {
			t.Errorf("too early (-want +got):\n%s", diff)
		}
		if got := listV4(t, e, "filter[name]=changed"); got != nil {
			t.Errorf("changed already: %v", got)
		}
		if got := slices.Collect(customerIDs(e)); !slices.Equal(got, []int64{before[2], changed, added}) || e.CountCustomers() != 3 {
			t.Errorf("customers there are: %v", got)
		}
		if got := listV4(t, e, fmt.Sprintf("filter[id]=%d,%d", gone, added)); !slices.Equal(got, []int64{added}) {
			t.Errorf("by id: %v", got)
		}
		time.Sleep(time.Nanosecond)
		v2, v4 = lists()
		want := []int64{before[2], changed, added}
		if diff := gocmp.Diff([][]int64{want, want}, [][]int64{v2, v4}); diff != "" {
			t.Errorf("late (-want +got):\n%s", diff)
		}
	})
}

func TestSeedRandom_spreadsUpdates(t *testing.T) {
	const n, burst = 60_000, 5_000
	span := 10 * time.Hour
	e := open(t, Config{Customers: n, SeedSpread: SeedRandom, SeedSpan: span, SeedBurst: burst, Seed: 3})
	end := e.config.SeedEnd.Unix()
	perSecond, perHour := map[int64]int{}, map[int64]int{}
	last := sortKey{}
	for cu := range e.Customers() {
		k := sortKey{cu.UpdatedAt, cu.ID}
		if last.compare(k) >= 0 {
			t.Fatalf("%v behind %v", k, last)
		}
		last = k
		if cu.UpdatedAt > end || cu.UpdatedAt <= end-int64(span/time.Second) || cu.CreatedAt > cu.UpdatedAt {
			t.Fatalf("created at %d, updated at %d, the end is %d", cu.CreatedAt, cu.UpdatedAt, end)
		}
		perSecond[cu.UpdatedAt]++
		if perSecond[cu.UpdatedAt] < burst {
			perHour[(end-cu.UpdatedAt)/3600]++
		}
	}
	bursts := 0
	for _, rows := range perSecond {
		switch {
		case rows >= burst && rows < burst+20:
			bursts++
		case rows > 20: // 1.25 a second on average
			t.Errorf("%d customers in a second", rows)
		}
	}
	if bursts != 3 {
		t.Errorf("%d seconds with %d customers", bursts, burst)
	}
	for hour := range int64(10) {
		if rows := perHour[hour] % (burst - 1); rows < 4100 || rows > 4900 { // 4500, give or take six deviations
			t.Errorf("hour %d: %d customers", hour, rows)
		}
	}
	for _, wrong := range []Config{{SeedSpan: time.Millisecond}, {SeedSpan: -1}, {SeedBurst: -1}, {MaxPages: -1}, {ListDelay: -1}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
}
