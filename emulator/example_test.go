package emulator_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/amogate/amogate/emulator"
)

// call sends a request with the right token and returns the status and the body of the answer.
func call(client *http.Client, method, url, body string) (int, string) {
	r, err := http.NewRequest(method, url, strings.NewReader(body)) //nolint:noctx // an example
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		panic(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	return resp.StatusCode, string(text)
}

func Example() {
	e, err := emulator.New(emulator.Config{Strict: true})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: e.Transport()} // no sockets: any host will do
	status, _ := call(client, http.MethodPost, "https://example.amocrm.ru/api/v2/customers",
		`{"add":[{"name":"Ecosports LLC","next_date":"1508878800"}]}`)
	for c := range e.Customers() {
		fmt.Println(status, c.ID, c.Name)
	}
	// Output: 200 466001 Ecosports LLC
}

// The emulator as a server, for a client that needs an address.
func ExampleEmulator_ServeHTTP() {
	e, err := emulator.New(emulator.Config{Customers: 3})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(e)
	defer server.Close()
	status, _ := call(server.Client(), http.MethodGet, server.URL+"/api/v2/customers?limit_rows=2&limit_offset=2", "")
	fmt.Println(status, e.Stats().RowsSent, "row")
	status, _ = call(server.Client(), http.MethodGet, server.URL+"/api/v2/customers?limit_rows=2&limit_offset=4", "")
	fmt.Println(status)
	// Output:
	// 200 1 row
	// 204
}

// Somebody else changes a customer between a client's read and its write.
func ExampleEmulator_UpdateCustomer() {
	e, err := emulator.New(emulator.Config{})
	if err != nil {
		panic(err)
	}
	if _, err := e.AddCustomer(emulator.Customer{ID: 7, Name: "Catherine", UpdatedAt: 1508659120}); err != nil {
		panic(err)
	}
	if err := e.UpdateCustomer(7, func(c *emulator.Customer) { c.UpdatedAt += 60 }); err != nil {
		panic(err)
	}
	client := &http.Client{Transport: e.Transport()}
	_, body := call(client, http.MethodPost, "https://example.amocrm.ru/api/v2/customers",
		`{"update":[{"id":7,"updated_at":1508659121,"name":"Kate"}]}`)
	c, _ := e.Customer(7)
	fmt.Println(strings.Contains(body, "Last modified date is older than in database"), c.Name)
	// Output: true Catherine
}

// The first write is carried out, but its caller is told that the gateway gave up.
func ExampleEmulator_Script() {
	e, err := emulator.New(emulator.Config{})
	if err != nil {
		panic(err)
	}
	if err := e.Script(emulator.Rule{
		Match:  emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1},
		Action: emulator.Action{Status: http.StatusGatewayTimeout, HTML: true, Apply: true},
	}); err != nil {
		panic(err)
	}
	client := &http.Client{Transport: e.Transport()}
	status, _ := call(client, http.MethodPost, "https://example.amocrm.ru/api/v2/customers",
		`{"add":[{"name":"Jerry","next_date":1508792400}]}`)
	fmt.Println(status, e.CountCustomers())
	// Output: 504 1
}

func ExampleEmulator_LoadFaults() {
	e, err := emulator.New(emulator.Config{})
	if err != nil {
		panic(err)
	}
	fmt.Println(e.LoadFaults(strings.NewReader(`{"rules": [
		{"match":  {"operation": "customers.list", "every": 3},
		 "action": {"delay": "2 seconds"}}
	]}`)))
	// Output: emulator: read faults: line 3: rules[0].action.delay: "2 seconds" is not a duration such as "2s"
}

// A client that does not pace its requests is refused, and the statistics tell.
func ExampleEmulator_Stats() {
	e, err := emulator.New(emulator.Config{Window: 2})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: e.Transport()}
	for range 3 {
		status, _ := call(client, http.MethodGet, "https://example.amocrm.ru/api/v2/account", "")
		fmt.Println(status)
	}
	s := e.Stats()
	fmt.Println(s.Requests, "requests,", s.TooMany, "refused,", s.FullestWindow, "in one second")
	// Output:
	// 200
	// 200
	// 429
	// 3 requests, 1 refused, 3 in one second
}

// A caller that gives up has written all the same.
func ExampleConfig_latency() {
	e, err := emulator.New(emulator.Config{Latency: time.Minute})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: e.Transport(), Timeout: 200 * time.Millisecond}
	r, err := http.NewRequest(http.MethodPost, "https://example.amocrm.ru/api/v2/customers", //nolint:noctx // an example
		strings.NewReader(`{"add":[{"name":"Jason","next_date":1508782500}]}`))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	resp, err := client.Do(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	var timeout interface{ Timeout() bool }
	fmt.Println(errors.As(err, &timeout) && timeout.Timeout(), e.CountCustomers())
	// Output: true 1
}
