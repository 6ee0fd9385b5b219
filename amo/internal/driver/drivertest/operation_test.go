package drivertest_test

import (
	"slices"
	"testing"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var operations = []driver.Op{driver.OpList, driver.OpGet, driver.OpCreate, driver.OpUpdate, driver.OpDelete}

// testOperations holds a codec to serve these operations and no others: what it
// supports it has a function for, and the other way round.
func testOperations[T message, F any](t *testing.T, codec driver.Resource[T, F], g *generation, serves ...driver.Op) {
	t.Helper()
	has := map[driver.Op]bool{
		driver.OpList:   codec.List != nil,
		driver.OpGet:    codec.ByIDs != nil,
		driver.OpCreate: codec.Create != nil,
		driver.OpUpdate: codec.Update != nil,
		driver.OpDelete: codec.Delete != nil,
	}
	for _, op := range operations {
		want := slices.Contains(serves, op)
		if got := codec.Supports(op, ""); got != want {
			t.Errorf("%s %s: %s is supported: %t, want %t", g, codec.Name, op, got, want)
		}
		if has[op] != want {
			t.Errorf("%s %s: %s has a function: %t, want %t", g, codec.Name, op, has[op], want)
		}
	}
	if codec.Generation != g.number {
		t.Errorf("the codec is of %s, want %s", codec.Generation, g.number)
	}
	if codec.Supports("paint", "") {
		t.Errorf("%s %s: an unknown operation is supported", g, codec.Name)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	const list, get, create, update, remove = driver.OpList, driver.OpGet, driver.OpCreate, driver.OpUpdate, driver.OpDelete
	testOperations(t, second.customers, second, list, get, create, update, remove)
	testOperations(t, fourth.customers, fourth, list, get, create, update)
	testOperations(t, second.transactions, second, list, get, create, update, remove)
	testOperations(t, fourth.transactions, fourth, list, get, create, remove)
	testOperations(t, statuses, fourth, list, get, create, update, remove)
	testOperations(t, segments, fourth, list, get, create, update, remove)
	for _, kind := range driver.ParentKinds {
		testOperations(t, second.notes(kind), second, list, get, create, update)
		if kind != amogatev1.ParentKind_PARENT_KIND_TASK {
			testOperations(t, fourth.notes(kind), fourth, list, get, create, update)
		}
	}
	for _, g := range generations {
		if g.periods.List == nil || g.periods.Decode == nil || g.periods.DecodeError == nil || g.periods.Generation != g.number {
			t.Errorf("%s: periods cannot be listed", g)
		}
		writes := g.periods.Replace != nil
		if checks := g.periods.Check != nil; writes != checks || writes != (g == second) {
			t.Errorf("%s: periods can be checked: %t, replaced: %t", g, checks, writes)
		}
	}
}

// What cannot be done is refused as such when it is checked.
func TestOperations_unservedAreRefused(t *testing.T) {
	t.Parallel()
	change := &amogatev1.Transaction{Comment: "x"}
	err := fourth.transactions.Check(&driver.Env{}, driver.OpUpdate, change, []string{"comment"})
	if e := asNamed(t, err, "comment", driver.KindUnsupported); e.Generation != driver.V4 {
		t.Errorf("the refusal is of %s", e.Generation)
	}
	task := fourth.notes(amogatev1.ParentKind_PARENT_KIND_TASK)
	if task.Supports == nil {
		return
	}
	for _, op := range operations {
		if task.Supports(op, "") {
			t.Errorf("%s of notes of tasks is supported over v4", op)
		}
	}
}
