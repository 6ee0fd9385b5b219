package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// dial connects to a gRPC server.
func dial(address string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", address, err)
	}
	return conn, nil
}

// failure is what callers are told of a failed call, the same over gRPC and
// REST.
type failure struct {
	code   codes.Code
	reason string
	// fields are the paths of the violations, sorted; descriptions are theirs.
	fields       []string
	descriptions []string
}

func (f failure) String() string {
	return fmt.Sprintf("%s/%s", f.code, f.reason)
}

// want returns an error unless f has the code and the reason.
func (f failure) want(code codes.Code, reason string) error {
	if f.code != code || f.reason != reason {
		return fmt.Errorf("got %s, want %s/%s", f, code, reason)
	}
	return nil
}

// failureOf reads the error of a gRPC call.
func failureOf(err error) failure { return failureOfStatus(status.Convert(err)) }

// failureOfStatus reads the error of a call, or of an item of a batch.
func failureOfStatus(st *status.Status) failure {
	f := failure{code: st.Code()}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			f.reason = d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				f.fields = append(f.fields, v.GetField())
				f.descriptions = append(f.descriptions, v.GetDescription())
			}
		}
	}
	slices.Sort(f.fields)
	return f
}

// errorBody is the REST shape of an error.
type errorBody struct {
	Code    codes.Code `json:"code"`
	Reason  string     `json:"reason"`
	Details []struct {
		FieldViolations []struct {
			Field       string `json:"field"`
			Description string `json:"description"`
		} `json:"field_violations"`
	} `json:"details"`
}

func (b errorBody) failure() failure {
	f := failure{code: b.Code, reason: b.Reason}
	for _, d := range b.Details {
		for _, v := range d.FieldViolations {
			f.fields = append(f.fields, v.Field)
			f.descriptions = append(f.descriptions, v.Description)
		}
	}
	slices.Sort(f.fields)
	return f
}

// restCall makes a REST call and returns its HTTP status and what it failed
// with.
func restCall(ctx context.Context, method, url, body string, header http.Header) (int, failure, error) {
	return restCallBy(ctx, http.DefaultClient, method, url, body, header)
}

// restCallBy is restCall by a client of its own.
func restCallBy(ctx context.Context, client *http.Client, method, url, body string, header http.Header) (int, failure, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, failure{}, fmt.Errorf("make request: %w", err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, failure{}, fmt.Errorf("call: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Error errorBody `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return resp.StatusCode, failure{}, fmt.Errorf("read answer with status %d: %w", resp.StatusCode, err)
	}
	return resp.StatusCode, answer.Error.failure(), nil
}

// getJSON reads a JSON document.
func getJSON(ctx context.Context, url string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: status %d", url, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	return nil
}
