package emulator

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// serve puts the emulator behind a socket, below a path.
func serve(t *testing.T, e *Emulator) (client *http.Client, home string) {
	t.Helper()
	server := httptest.NewServer(http.StripPrefix("/crm", e))
	t.Cleanup(server.Close)
	return server.Client(), server.URL + "/crm"
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+DefaultToken)
	return client.Do(r)
}

// TestSocketAndTransportAnswerAlike sends the same requests both ways.
func TestSocketAndTransportAnswerAlike(t *testing.T) {
	config := Config{Customers: 40, Seed: 3}
	client, home := serve(t, open(t, config))
	plain := open(t, config)
	for _, path := range []string{
		"/api/v2/customers?limit_rows=30", "/api/v2/customers?id=1", "/api/v2/account", "/api/v2/nothing", "/elsewhere",
	} {
		resp, err := get(t, client, home+path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		a := ask(t, plain, http.MethodGet, path, "")
		body = dropTime(body)
		if resp.StatusCode != a.status || string(body) != string(dropTime([]byte(a.body))) {
			t.Errorf("%s: over a socket %d %s\nwithout %d %s", path, resp.StatusCode, body, a.status, a.body)
		}
		if got, want := resp.Header["Content-Type"], a.header["Content-Type"]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: types %q and %q", path, got, want)
		}
	}
}

// dropTime removes the server_time of an error body.
func dropTime(body []byte) []byte {
	before, _, _ := strings.Cut(string(body), `"server_time"`)
	return []byte(before)
}

func TestBasePath(t *testing.T) {
	e := open(t, Config{Customers: 1, BasePath: "/crm/"})
	a := ask(t, e, http.MethodGet, "/crm/api/v2/customers", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"href":"\/api\/v2\/customers"`) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if got := send(t, e, newRequest(t, http.MethodGet, "/crm/__emulator/stats", "")).status; got != http.StatusOK {
		t.Errorf("stats: status %d", got)
	}
	for _, path := range []string{"/api/v2/customers", "/crmapi/v2/customers", "/crm", "/__emulator/stats"} {
		if a := ask(t, e, http.MethodGet, path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s lies outside the base path: status %d", path, a.status)
		}
	}
	if s := e.Stats(); s.Requests != 1 || s.InFlight != 0 {
		t.Errorf("requests outside the base path are in the statistics: %+v", s)
	}
}

func TestBrokenConnectionsOverASocket(t *testing.T) {
	e := open(t, Config{Customers: 40})
	script(t, e, `{"match":{"nth":1},"action":{"cut":1000}},{"match":{"nth":2},"action":{"drop":true}},{"match":{"nth":3},"action":{"cut":0}}`)
	_, home := serve(t, e)
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := get(t, &http.Client{Transport: transport}, home+"/api/v2/customers")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 1000 {
		t.Errorf("cut: %d bytes, %v", len(body), err)
	}
	// A client repeats a GET whose reused connection broke, so the next is asked on a connection of its own.
	for _, want := range []bool{false, true} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(home, "http://"), "/crm"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "GET /crm/api/v2/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", DefaultToken); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		_ = conn.Close()
		head, body, whole := strings.Cut(string(answer), "\r\n\r\n")
		if err != nil && !errors.Is(err, syscall.ECONNRESET) || whole != want || body != "" || want && !strings.HasPrefix(head, "HTTP/1.1 200 OK") {
			t.Errorf("head wanted: %v, got %q, %v", want, answer, err)
		}
	}
}

func TestGzipOnlyWhenAccepted(t *testing.T) {
	e := open(t, Config{Customers: 40})
	plain := ask(t, e, http.MethodGet, "/api/v2/customers", "")
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "deflate, GZIP;q=0.5": true, "gzip;q=0": false, "br": false, "x-gzip": false,
	} {
		a := ask(t, e, http.MethodGet, "/api/v2/customers", "", "Accept-Encoding", accept)
		if got := a.header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: compressed %v", accept, got)
			continue
		}
		if want {
			z, err := gzip.NewReader(strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(z)
			if err != nil || string(body) != plain.body || len(a.body) >= len(plain.body)/2 {
				t.Errorf("%q: %d bytes unpack to %d of %d, %v", accept, len(a.body), len(body), len(plain.body), err)
			}
		}
	}
	small := ask(t, e, http.MethodGet, "/api/v2/account", "", "Accept-Encoding", "gzip")
	if small.header.Get("Content-Encoding") != "" {
		t.Error("a small body is compressed")
	}
}

func TestLatencyComesBeforeTheHeadAndEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Latency: 300 * time.Millisecond})
		start := time.Now()
		if a := ask(t, e, http.MethodGet, "/api/v2/account", ""); a.status != http.StatusOK || time.Since(start) != 300*time.Millisecond {
			t.Errorf("status %d after %s", a.status, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		r := newRequest(t, http.MethodPost, "/api/v2/customers", `{"add":[{"name":"A","next_date":5}]}`, "Authorization", "Bearer "+DefaultToken)
		start = time.Now()
		err := fails(t, e, r.WithContext(ctx))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if e.CountCustomers() != 1 {
			t.Error("the write did not happen, though it had arrived")
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if err := fails(t, e, r.WithContext(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that was over before it began: %v", err)
		}
		if s := e.Stats(); s.Requests != 2 || s.Cancelled != 1 || s.InFlight != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestStatsCountRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Latency: time.Second})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { ask(t, e, http.MethodGet, "/api/v2/account", "") })
		}
		time.Sleep(500 * time.Millisecond)
		if s := e.Stats(); s.InFlight != 5 || s.InFlightMax != 5 || s.FullestWindow != 5 {
			t.Errorf("stats %+v", s)
		}
		all.Wait()
		if s := e.Stats(); s.InFlight != 0 || s.InFlightMax != 5 {
			t.Errorf("stats afterwards %+v", s)
		}
	})
}

// TestWritersAndReadersTogether runs them against each other for the race detector, and counts what came of it.
func TestWritersAndReadersTogether(t *testing.T) {
	e := open(t, Config{Customers: 200})
	var all sync.WaitGroup
	buyer := e.customers.seed.id(100)
	purchases := e.CountTransactions()
	for w := range 4 {
		all.Go(func() {
			for i := range 10 {
				ask(t, e, http.MethodPost, transactionsPath, fmt.Sprintf(`{"add":[{"customer_id":%d,"price":1,"next_price":%d}]}`, buyer, i))
				listOf(t, e, transactionsPath, fmt.Sprintf("limit_rows=20&limit_offset=%d", i*10))
				listOf(t, e, transactionsPath, fmt.Sprint("customer_id=", buyer))
				ask(t, e, http.MethodPost, periodsPath, periodsWith(newPeriods(2)))
				listOf(t, e, periodsPath, "")
				ask(t, e, http.MethodPost, "/api/v2/customers", fmt.Sprintf(`{"add":[{"name":"%d-%d","next_date":5,"tags":"t%d"}]}`, w, i, i))
				list(t, e, fmt.Sprintf("limit_rows=20&limit_offset=%d", i*10))
				e.Stats()
			}
		})
	}
	all.Wait()
	if got := e.CountCustomers(); got != 240 {
		t.Errorf("%d customers", got)
	}
	if got := e.CountTransactions() - purchases; got != 40 {
		t.Errorf("%d new transactions", got)
	}
	ids := map[int64]bool{}
	for c := range e.Customers() {
		ids[c.ID] = true
	}
	if len(ids) != 240 {
		t.Errorf("%d different ids", len(ids))
	}
}

func TestRequestBodyLimit(t *testing.T) {
	a := ask(t, open(t, Config{}), http.MethodPost, "/api/v2/customers", `{"add":["`+strings.Repeat("x", maxBody)+`"]}`)
	if a.status != http.StatusRequestEntityTooLarge || errorCode(a) != "400" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestStatsAreJSON(t *testing.T) {
	e := open(t, Config{Customers: 3})
	list(t, e, "")
	a := send(t, e, newRequest(t, http.MethodGet, "/__emulator/stats", ""))
	var got Stats
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.ByOperation[OpCustomersList] != 1 || got.ByStatus[200] != 1 || got.RowsSent != 3 {
		t.Errorf("stats %+v", got)
	}
	if a := send(t, e, newRequest(t, http.MethodPost, "/__emulator/stats", "")); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", a.status)
	}
}
