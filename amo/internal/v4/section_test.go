package v4_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo/internal/driver"
	v4 "github.com/amogate/amogate/amo/internal/v4"
)

// The codecs of what belongs to the customers' section beside customers.
var (
	transactions = v4.Transactions()
	statuses     = v4.Statuses()
	segments     = v4.Segments()
	periods      = v4.Periods()
)

// sectionEnv is an account in a mode of its customers.
func sectionEnv(mode string) *driver.Env {
	return &driver.Env{AccountID: 30123456, Location: time.UTC, Currency: "RUB", CustomersMode: mode}
}

func sectionFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// sectionError fails the test unless err is an *Error of this kind.
func sectionError(t *testing.T, err error, kind driver.Kind) *driver.Error {
	t.Helper()
	e := (*driver.Error)(nil)
	if !errors.As(err, &e) || e == nil {
		t.Fatalf("got %T %v, want an *Error of kind %d", err, err, kind)
	}
	if e.Kind != kind || e.Message == "" {
		t.Fatalf("got kind %d (%v), want %d", e.Kind, e, kind)
	}
	return e
}

// wantSectionError is sectionError for tests that ask no more of the error.
func wantSectionError(t *testing.T, err error, kind driver.Kind) {
	t.Helper()
	_ = sectionError(t, err, kind)
}

// sectionPaths returns the paths of the faulty fields.
func sectionPaths(e *driver.Error) string {
	paths := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		paths[i] = f.Path
	}
	return strings.Join(paths, " ")
}

// plain decodes JSON, so that documents can be compared.
func plain(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// problem is an error body of upstream.
func problem(status, detail string) []byte {
	return []byte(`{"title":"T","type":"https://httpstatus.es/` + status + `","status":` + status + `,"detail":"` + detail + `"}`)
}

// checkEveryField fails the test for a field that is not set, and for one of
// missing that is: what is new in the proto has to come from somewhere. Supports
// has to say the same.
func checkEveryField(t *testing.T, msg proto.Message, supports func(driver.Op, string) bool, missing ...string) {
	t.Helper()
	m := msg.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		want := true
		for _, name := range missing {
			want = want && f.Name() != protoreflect.Name(name)
		}
		if m.Has(f) != want {
			t.Errorf("%s is set: %t, by an answer that has every key", f.Name(), m.Has(f))
		}
		if supports(driver.OpGet, string(f.Name())) != want {
			t.Errorf("%s: the answer of Supports is not what a read shows", f.Name())
		}
	}
}

// checkDecoded fails the test unless err is nil or says that the answer is no
// good, or that the record or the customers are not there.
func checkDecoded(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e := (*driver.Error)(nil)
	if !errors.As(err, &e) || e == nil {
		t.Errorf("got %T %v", err, err)
		return
	}
	switch e.Kind {
	case driver.KindBadResponse, driver.KindTooLarge:
	case driver.KindNotFound, driver.KindCustomersDisabled, driver.KindCustomersNotInPlan:
		if e.Status != 404 {
			t.Errorf("got %+v", e)
		}
	default:
		t.Errorf("got kind %d: %v", e.Kind, e)
	}
}

// checkRow fails the test for a row that nobody could use.
func checkRow(t *testing.T, row proto.Message, id int64) {
	t.Helper()
	if id <= 0 {
		t.Errorf("a row has no id: %v", row)
	}
	// It fails on strings that are no UTF-8.
	if _, err := proto.Marshal(row); err != nil {
		t.Error(err)
	}
}
