package drivertest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
)

// clearing is what clearing a field has to come to.
type clearing int

const (
	// empties: a read shows the field as not set, or as zero.
	empties clearing = iota
	// keeps: what is not listed keeps its value.
	keeps
	// refused: the field is required; the refusal names it.
	refused
)

// field is what is known of a field of T that the contract lets callers write.
type field[T any] struct {
	// draw sets the field to a value that the contract allows.
	draw func(rt *rapid.T, s *scene, record T)
	// merge writes the field of value into a record that has some already; nil = it
	// is replaced.
	merge func(record, value T)
	// moves are other fields that change with it.
	moves    []string
	clearing clearing
	// unread says that no read shows the field.
	unread bool
}

// scene is where a field is drawn.
type scene struct {
	account *account
	*generation
}

// trial is a resource with all that it takes to try its fields one by one.
type trial[T message, F any] struct {
	*collection[T, F]
	scene  *scene
	fields map[string]field[T]
	// lacks are the fields that the generation cannot write though the contract
	// has them, by operation.
	lacks map[driver.Op][]string
	// hides are the fields that reads of the generation cannot show.
	hides []string
	// stays are the fields that the generation cannot clear.
	stays []string
	// draw returns a new record with no more than what is required.
	draw func(rt *rapid.T) T
	// old returns the id of a record to change.
	old func(rt *rapid.T) int64
	// plain brings a record into the one form of its equals.
	plain func(T) T
	// given are the fields that differ from record to record by themselves.
	given []string
}

// run runs every test of fields.
func (tr *trial[T, F]) run(t *testing.T) {
	t.Helper()
	t.Run("capabilities", tr.testCapabilities)
	descriptor := fresh[T]().ProtoReflect().Descriptor()
	for i := range descriptor.Fields().Len() {
		name := string(descriptor.Fields().Get(i).Name())
		if tr.codec.Supports(driver.OpCreate, name) {
			t.Run("create "+name, func(t *testing.T) { tr.testCreate(t, name) })
		}
		if tr.codec.Supports(driver.OpUpdate, name) {
			t.Run("update "+name, func(t *testing.T) { tr.testUpdate(t, name) })
			t.Run("clear "+name, func(t *testing.T) { tr.testClear(t, name) })
		}
	}
}

// testCapabilities holds what the codec says of each field to the contract.
func (tr *trial[T, F]) testCapabilities(t *testing.T) {
	t.Helper()
	descriptor := fresh[T]().ProtoReflect().Descriptor()
	for i := range descriptor.Fields().Len() {
		f := descriptor.Fields().Get(i)
		name := string(f.Name())
		for _, op := range []driver.Op{driver.OpList, driver.OpGet} {
			want := isReadable(f) && !slices.Contains(tr.hides, name)
			if got := tr.codec.Supports(op, name); got != want {
				t.Errorf("%s of %s is supported: %t, want %t", op, name, got, want)
			}
		}
		for _, op := range []driver.Op{driver.OpCreate, driver.OpUpdate} {
			want := isWritable(f, op) && !slices.Contains(tr.lacks[op], name) && tr.codec.Supports(op, "")
			if got := tr.codec.Supports(op, name); got != want {
				t.Errorf("%s of %s is supported: %t, want %t", op, name, got, want)
			}
			if want {
				if _, known := tr.fields[name]; !known {
					t.Errorf("%s of %s is not tried: no values are known", op, name)
				}
				continue
			}
			if op == driver.OpUpdate && !isWritable(f, op) {
				wantNamed(t, tr.codec.Check(tr.env, op, fresh[T](), []string{name}), name, driver.KindInvalid, driver.KindUnsupported)
			}
			if isWritable(f, op) {
				tr.testUnsupported(t, op, name)
			}
		}
		if tr.codec.Supports(driver.OpDelete, name) != (name == "id" && tr.codec.Delete != nil) {
			t.Errorf("delete of %s: only the id counts", name)
		}
	}
	const stranger = "no_such_field"
	for _, op := range []driver.Op{driver.OpList, driver.OpGet, driver.OpCreate, driver.OpUpdate, driver.OpDelete} {
		if tr.codec.Supports(op, stranger) {
			t.Errorf("%s of %s is supported", op, stranger)
		}
	}
}

// testUnsupported holds the codec to refuse by name what it cannot express.
func (tr *trial[T, F]) testUnsupported(t *testing.T, op driver.Op, name string) {
	t.Helper()
	f, known := tr.fields[name]
	if !known {
		t.Errorf("%s of %s is not tried: no values are known", op, name)
		return
	}
	rapid.Check(t, func(rt *rapid.T) {
		value := tr.draw(rt)
		f.draw(rt, tr.scene, value)
		err := tr.codec.Check(tr.env, op, value, []string{name})
		if err == nil && op == driver.OpUpdate && tr.codec.CheckChange != nil && tr.codec.NeedsBefore(value, []string{name}) {
			// What is there already may be sent back.
			err = tr.codec.CheckChange(driver.Change[T]{ID: 1, Value: value, Paths: []string{name}, Before: fresh[T]()})
		}
		e := asNamed(rt, err, name, driver.KindUnsupported, driver.KindInexpressible)
		if e.Generation != tr.codec.Generation {
			rt.Errorf("the refusal is of %s, want %s", e.Generation, tr.codec.Generation)
		}
	})
}

// testCreate makes two records, one with the field, that differ in nothing else.
func (tr *trial[T, F]) testCreate(t *testing.T, name string) {
	t.Helper()
	f, known := tr.fields[name]
	if !known {
		t.Fatal("no values are known")
	}
	rapid.Check(t, func(rt *rapid.T) {
		bare := tr.draw(rt)
		value := cloneOf(bare)
		f.draw(rt, tr.scene, value)
		without := tr.get(rt, tr.make(rt, bare))
		with := tr.get(rt, tr.make(rt, value))
		want := without
		if !f.unread {
			copyField(value, want, name)
		}
		given := slices.DeleteFunc(slices.Clone(tr.given), func(other string) bool { return other == name })
		tr.compare(rt, want, with, slices.Concat(given, f.moves))
	})
}

// testUpdate changes the field and nothing else.
func (tr *trial[T, F]) testUpdate(t *testing.T, name string) {
	t.Helper()
	f, known := tr.fields[name]
	if !known {
		t.Fatal("no values are known")
	}
	rapid.Check(t, func(rt *rapid.T) {
		id := tr.old(rt)
		value := fresh[T]()
		f.draw(rt, tr.scene, value)
		want := tr.get(rt, id)
		tr.set(rt, id, value, name)
		if f.merge != nil {
			f.merge(want, value)
		} else {
			copyField(value, want, name)
		}
		tr.compare(rt, want, tr.get(rt, id), slices.Concat([]string{"update_time", "updated_by"}, f.moves))
	})
}

// testClear fills the field of a record and clears it again.
func (tr *trial[T, F]) testClear(t *testing.T, name string) {
	t.Helper()
	f, known := tr.fields[name]
	if !known {
		t.Fatal("no values are known")
	}
	paths := []string{name}
	rapid.Check(t, func(rt *rapid.T) {
		id := tr.old(rt)
		value := fresh[T]()
		f.draw(rt, tr.scene, value)
		tr.set(rt, id, value, name)
		want := tr.get(rt, id)
		reply, err := tr.update(rt, driver.Change[T]{ID: id, Value: fresh[T](), Paths: paths})
		switch {
		case f.clearing == refused || slices.Contains(tr.stays, name):
			e := single(rt, reply, err).Err
			wantNamed(rt, e, name, driver.KindInvalid, driver.KindUpstreamInvalid, driver.KindUnsupported, driver.KindInexpressible)
		case err != nil || len(reply.Errors) > 0:
			rt.Fatalf("%v %v", err, itemErrors(reply))
		case f.clearing == empties:
			copyField(fresh[T](), want, name)
		}
		tr.compare(rt, want, tr.get(rt, id), slices.Concat([]string{"update_time", "updated_by"}, f.moves))
	})
}

// compare fails the test on a difference but in the fields of except.
func (tr *trial[T, F]) compare(tb rapid.TB, want, got T, except []string) {
	tb.Helper()
	want, got = tr.plain(cloneOf(want)), tr.plain(cloneOf(got))
	for _, name := range except {
		if fieldNamed(want, name) == nil {
			continue
		}
		copyField(fresh[T](), want, name)
		copyField(fresh[T](), got, name)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreEmptyMessages()); diff != "" {
		tb.Errorf("(-want +got):\n%s", diff)
	}
}

func cloneOf[T proto.Message](m T) T { return proto.CloneOf(m) }
