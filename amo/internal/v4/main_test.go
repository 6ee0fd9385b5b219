package v4

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo/internal/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// decodeCustomers decodes a page of customers.
var decodeCustomers = driver.ReadAll(scanCustomers)

// moscowEnv is the account of the samples.
func moscowEnv(tb testing.TB) *driver.Env {
	tb.Helper()
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		tb.Fatal(err)
	}
	return &driver.Env{AccountID: 30123456, Location: moscow, Currency: "RUB", CustomersMode: "segments", Filters: true}
}

func readFixture(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// wantGolden compares a message with one of testdata.
func wantGolden(t *testing.T, name string, got proto.Message) {
	t.Helper()
	want := got.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(readFixture(t, name), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// wantFailure fails the test unless err is an *Error of this kind.
func wantFailure(t *testing.T, err error, kind driver.Kind) *driver.Error {
	t.Helper()
	e := (*driver.Error)(nil)
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want an *Error of kind %d", err, err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("got kind %d (%v), want %d", e.Kind, e, kind)
	}
	return e
}

// faultyPaths returns the paths of the faulty fields.
func faultyPaths(e *driver.Error) string {
	paths := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		paths[i] = f.Path
	}
	return strings.Join(paths, " ")
}
