package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// base is where the tests' account seems to live; nothing listens there.
const base = "https://example.amocrm.test"

// open returns an emulator without a request limit unless config sets one.
func open(t *testing.T, config Config) *Emulator {
	t.Helper()
	if config.Window == 0 {
		config.Window = -1
	}
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answered is an answer read to its end.
type answered struct {
	status int
	header http.Header
	body   string
}

func newRequest(t *testing.T, method, target, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// send sends a request as it is.
func send(t *testing.T, e *Emulator, r *http.Request) answered {
	t.Helper()
	resp, err := e.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header, string(body)}
}

// ask sends a request with the right bearer token.
func ask(t *testing.T, e *Emulator, method, target, body string, header ...string) answered {
	t.Helper()
	r := newRequest(t, method, target, body, header...)
	r.Header.Set("Authorization", "Bearer "+DefaultToken)
	return send(t, e, r)
}

// list asks for customers and returns their ids.
func list(t *testing.T, e *Emulator, query string) []int64 {
	t.Helper()
	return listOf(t, e, "/api/v2/customers", query)
}

// listOf asks for a list and returns the ids in it.
func listOf(t *testing.T, e *Emulator, path, query string) []int64 {
	t.Helper()
	a := ask(t, e, http.MethodGet, path+"?"+query, "")
	if a.status == http.StatusNoContent {
		if a.body != "" {
			t.Fatalf("list %s: 204 with a body %q", query, a.body)
		}
		return nil
	}
	var doc struct {
		Embedded struct {
			Items []struct {
				ID int64 `json:"id"`
			} `json:"items"`
		} `json:"_embedded"`
	}
	if a.status != http.StatusOK {
		t.Fatalf("list %s: status %d: %s", query, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("list %s: %v", query, err)
	}
	ids := make([]int64, 0, len(doc.Embedded.Items))
	for _, item := range doc.Embedded.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// embedded returns what an answer has below _embedded, decoded.
func embedded(t *testing.T, a answered) map[string]any {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var doc struct {
		Embedded map[string]any `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return doc.Embedded
}

// errorCode returns the code of a legacy error body, "" for anything else.
func errorCode(a answered) string {
	var doc struct {
		Response struct {
			Error string `json:"error"`
			Code  string `json:"error_code"`
		} `json:"response"`
	}
	if json.Unmarshal([]byte(a.body), &doc) != nil || doc.Response.Error == "" {
		return ""
	}
	return doc.Response.Code
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// mustAdd stores a customer directly.
func mustAdd(t *testing.T, e *Emulator, c Customer) Customer {
	t.Helper()
	stored, err := e.AddCustomer(c)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// mustPurchase stores a transaction directly.
func mustPurchase(t *testing.T, e *Emulator, p Transaction) Transaction {
	t.Helper()
	stored, err := e.AddTransaction(p)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func mustSetPeriods(t *testing.T, e *Emulator, periods ...Period) {
	t.Helper()
	if err := e.SetPeriods(periods...); err != nil {
		t.Fatal(err)
	}
}

// fails sends a request that gets no answer and returns its error.
func fails(t *testing.T, e *Emulator, r *http.Request) error {
	t.Helper()
	resp, err := e.Transport().RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatalf("status %d instead of an error", resp.StatusCode)
	}
	return err
}
