package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// violatedFields are the wrong fields of the request of manyViolations.
var violatedFields = []string{
	"customer.contact_ids[1]",
	"customer.custom_fields[0].field_id",
	"customer.name",
	"customer.periodicity",
	"customer.tags[1].name",
}

// manyViolations sends one customer with several faults.
func manyViolations(ctx context.Context, want []string) (string, error) {
	customer := &amogatev1.Customer{
		Periodicity:  proto.Int32(-1),
		Tags:         []*amogatev1.Tag{{Name: "wholesale"}, {Name: " "}},
		ContactIds:   []int64{1, 0},
		CustomFields: []*amogatev1.CustomField{{}},
	}
	return onStack(ctx, stackConfig{}, func(s *stack) (string, error) {
		_, err := s.customers.CreateCustomer(ctx, &amogatev1.CreateCustomerRequest{Customer: customer})
		failed := failureOf(err)
		body, err := protojson.Marshal(customer)
		if err != nil {
			return "", fmt.Errorf("encode customer: %w", err)
		}
		status, failedREST, err := restCall(ctx, http.MethodPost, s.rest+"/v1/customers", string(body), nil)
		if err != nil {
			return "", err
		}
		if status != http.StatusBadRequest {
			return "", fmt.Errorf("REST: status %d", status)
		}
		for transport, f := range map[string]failure{"gRPC": failed, "REST": failedREST} {
			if err := f.want(codes.InvalidArgument, "VALIDATION"); err != nil {
				return "", fmt.Errorf("%s: %w", transport, err)
			}
			if got := slices.Compact(f.fields); !slices.Equal(got, want) {
				return "", fmt.Errorf("%s: got violations of %q, want %q", transport, got, want)
			}
		}
		if n := s.emulator.Stats().Requests; n != 0 {
			return "", fmt.Errorf("%d requests went upstream", n)
		}
		return fmt.Sprintf("%d fields named over gRPC and REST", len(want)), nil
	})
}

// badBody is a body that REST refuses.
type badBody struct {
	body string
	// field is the path that the violation names.
	field string
	// position is what the description says of the place; "" = nothing.
	position string
}

// badBodies are for the creation of a customer.
var badBodies = []badBody{
	{`{"name": "Rose",}`, "body", "line 1, column 17"},
	{"{\n  \"name\": Rose\n}", "body", "line 2, column 11"},
	{`{"name": "Rose"`, "body", "line 1, column 15"},
	{`{"name": "Rose"} and more`, "body", "line 1, column 18"},
	{`{"nam": "Rose"}`, "customer.nam", ""},
	{`{"name": "Rose", "next_price": {"unit": "5"}}`, "customer.next_price.unit", ""},
	{`{"name": 5}`, "customer.name", ""},
}

// badJSON sends bodies that cannot be read.
func badJSON(ctx context.Context, bodies []badBody) (string, error) {
	return onStack(ctx, stackConfig{}, func(s *stack) (string, error) {
		for _, b := range bodies {
			status, failed, err := restCall(ctx, http.MethodPost, s.rest+"/v1/customers", b.body, nil)
			if err := errors.Join(err, failed.want(codes.InvalidArgument, "VALIDATION")); err != nil {
				return "", fmt.Errorf("%q: %w", b.body, err)
			}
			if status != http.StatusBadRequest {
				return "", fmt.Errorf("%q: status %d", b.body, status)
			}
			if !slices.Equal(failed.fields, []string{b.field}) || !strings.Contains(failed.descriptions[0], b.position) {
				return "", fmt.Errorf("%q: got %q %q, want %q with %q", b.body, failed.fields, failed.descriptions, b.field, b.position)
			}
		}
		if n := s.emulator.Stats().Requests; n != 0 {
			return "", fmt.Errorf("%d requests went upstream", n)
		}
		return fmt.Sprintf("%d bodies refused", len(bodies)), nil
	})
}

// foreignKeys are metadata keys that no REST caller may set.
var foreignKeys = []string{"x-internal", "amogate-implicit-mask", "authorization-internal"}

// foreignHeaders sends headers that a gateway could take for metadata.
func foreignHeaders(ctx context.Context, keys []string) (string, error) {
	var mu sync.Mutex
	var got []metadata.MD
	config := stackConfig{interceptors: []grpc.UnaryServerInterceptor{
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			mu.Lock()
			got = append(got, md)
			mu.Unlock()
			return handler(ctx, req)
		},
	}}
	return onStack(ctx, config, func(s *stack) (string, error) {
		const value = "from-outside"
		header := http.Header{}
		for _, key := range keys {
			header.Set("Grpc-Metadata-"+key, value)
			header.Set(key, value)
		}
		// An account of that name does not exist: a call that reached it fails.
		header.Set("Grpc-Metadata-Amogate-Account", value)
		status, failed, err := restCall(ctx, http.MethodGet, s.rest+"/v1/customers?page_size=1", "", header)
		if err != nil {
			return "", err
		}
		if status != http.StatusOK {
			return "", fmt.Errorf("status %d: %s", status, failed)
		}
		if len(got) != 1 {
			return "", fmt.Errorf("%d calls reached the server, want 1", len(got))
		}
		for key, values := range got[0] {
			if slices.Contains(values, value) {
				return "", fmt.Errorf("the server got %s: %q", key, values)
			}
		}
		return fmt.Sprintf("%d headers dropped, %d metadata keys at the server are the gateway's own", len(header), len(got[0])), nil
	})
}

// hostileAccount is a value of the account header that is no header value
// further on.
type hostileAccount struct {
	value string
	// status is that of REST.
	status int
}

// hostileAccounts have CR, LF, other controls and non-ASCII. To HTTP/1 a bare LF
// ends the header: what follows is another one, which goes nowhere, and the
// account is one that does not exist.
var hostileAccounts = []hostileAccount{
	{"shop\rX-Evil: 1", http.StatusBadRequest},
	{"shop\r\n X-Evil: 1\x01", http.StatusBadRequest},
	{"shop\nX-Evil: 1", http.StatusForbidden},
	{"shop\r\nX-Evil: 1", http.StatusForbidden},
	{"shop\x00", http.StatusBadRequest},
	{"shop\x7f", http.StatusBadRequest},
	{"магазин", http.StatusBadRequest},
	{"shop\xff", http.StatusBadRequest},
	{"shop\u2028", http.StatusBadRequest},
}

// hostileValues sends values that would start a header of their own upstream.
func hostileValues(ctx context.Context, accounts []hostileAccount) (string, error) {
	var mu sync.Mutex
	var wrong error
	config := stackConfig{upstream: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			wrong = errors.Join(wrong, checkHeader(r.Header))
			mu.Unlock()
			next.ServeHTTP(w, r)
		})
	}}
	return onStack(ctx, config, func(s *stack) (string, error) {
		answered := 0
		for _, account := range accounts {
			status, err := rawREST(ctx, strings.TrimPrefix(s.rest, "http://"), account.value)
			if err != nil {
				return "", fmt.Errorf("REST %q: %w", account.value, err)
			}
			if status != account.status {
				return "", fmt.Errorf("REST %q: status %d, want %d", account.value, status, account.status)
			}
			code, reset, err := rawGRPC(ctx, s.address, account.value)
			if err != nil {
				return "", fmt.Errorf("gRPC %q: %w", account.value, err)
			}
			if !reset {
				answered++
				if code != codes.InvalidArgument {
					return "", fmt.Errorf("gRPC %q: got %s, want %s", account.value, code, codes.InvalidArgument)
				}
			}
		}
		if answered == 0 {
			return "", errors.New("gRPC: no value came as far as an answer")
		}
		if n := s.emulator.Stats().Requests; n != 0 {
			return "", fmt.Errorf("%d requests went upstream", n)
		}
		// In a field the same text is an ordinary value.
		if _, err := s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{
			Filter: &amogatev1.CustomerFilter{Query: "роза\r\nX-Evil: 1"},
		}); err != nil {
			return "", fmt.Errorf("query with a line break: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		n := s.emulator.Stats().Requests
		if n == 0 {
			return "", errors.New("upstream was not asked")
		}
		if wrong != nil {
			return "", wrong
		}
		return fmt.Sprintf("%d values refused over REST and gRPC (%d by HTTP/2 itself); %d clean requests upstream",
			len(accounts), len(accounts)-answered, n), nil
	})
}

// checkHeader returns an error when a header could not have been meant.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for _, v := range append(values, name) {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) || strings.Contains(v, "X-Evil") {
				return fmt.Errorf("upstream got the header %q: %q", name, values)
			}
		}
	}
	return nil
}

// rawREST makes a call with an account that HTTP clients refuse to send, and
// returns the status.
func rawREST(ctx context.Context, address, account string) (int, error) {
	conn, err := rawDial(ctx, address)
	if err != nil {
		return 0, err
	}
	defer conn.Close() //nolint:errcheck // the answer is read
	if _, err := fmt.Fprintf(conn, "GET /v1/customers HTTP/1.1\r\nHost: %s\r\nAmogate-Account: %s\r\nConnection: close\r\n\r\n", address, account); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	return resp.StatusCode, resp.Body.Close()
}

// rawDial connects for one exchange, which ends with ctx.
func rawDial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(deadline)
	}
	return conn, err
}
