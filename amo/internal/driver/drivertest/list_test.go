package drivertest_test

import (
	"slices"
	"testing"

	"github.com/amogate/amogate/amo/internal/driver"
)

func idsOf[T message](rows []T) []int64 {
	ids := []int64{}
	for _, row := range rows {
		ids = append(ids, row.GetId())
	}
	slices.Sort(ids)
	return ids
}

// testPages holds a list to show each of want once, whatever its pages, and to
// end where it ends.
func testPages[T message, F any](t *testing.T, c *collection[T, F], filter F, want []int64) {
	t.Helper()
	slices.Sort(want)
	limits := []int{1, 7, max(1, len(want)), c.codec.MaxPage}
	if c.codec.Whole {
		limits = []int{c.codec.MaxPage}
	}
	for _, limit := range limits {
		if got := idsOf(c.rows(t, filter, limit)); !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %d rows %v, want %d %v", limit, len(got), got, len(want), want)
		}
	}
	if c.codec.Whole {
		return
	}
	first, err := c.page(t, filter, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	if first.Next && (c.codec.Generation == driver.V2 || len(want) <= 7) {
		t.Error("the first page of several announces another that is not there, or over v2")
	}
	if c.codec.Generation == driver.V4 && len(want) > 7 && !first.Next {
		t.Error("the first page does not announce the next")
	}
	behind, err := c.page(t, filter, int64(len(want)+6)/7*7, 7)
	if err != nil || len(behind.Rows) != 0 || behind.Next {
		t.Errorf("behind the end: got %d rows, next %t, error %v", len(behind.Rows), behind.Next, err)
	}
}

// testIDs holds reads by id to show what there is and nothing else.
func testIDs[T message, F any](t *testing.T, c *collection[T, F], known []int64, unknown int64) {
	t.Helper()
	known = known[:min(5, len(known))]
	got, err := c.read(t, slices.Concat([]int64{unknown}, known)...)
	if err != nil {
		t.Fatal(err)
	}
	// What cannot be filtered comes whole.
	var found []int64
	for _, id := range idsOf(got) {
		if id == unknown {
			t.Errorf("record %d is there", id)
		}
		if slices.Contains(known, id) {
			found = append(found, id)
		}
	}
	slices.Sort(known)
	if !slices.Equal(found, known) || len(got) != len(known) && !c.codec.Whole {
		t.Errorf("got %v of %d rows, want %v", found, len(got), known)
	}
	if rows, err := c.read(t, unknown); err != nil || len(rows) != 0 {
		t.Errorf("an unknown id: got %d rows, error %v", len(rows), err)
	}
	for _, id := range known {
		c.get(t, id)
	}
}
