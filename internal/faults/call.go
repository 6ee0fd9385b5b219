package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
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

// listed is a list, or the part of it that came.
type listed struct {
	ids []int64
	// token resumes behind the last row.
	token string
	// ended says that the end of the list was told.
	ended bool
	// failed is how the list broke off.
	failed failure
}

func (l *listed) add(id int64, token string) {
	l.ids = append(l.ids, id)
	l.token = token
}

// list reads a list over gRPC to its end, or until it breaks off. After each
// row it calls each, which may be nil.
func list(ctx context.Context, conn grpc.ClientConnInterface, token string, each func(*listed)) (*listed, error) {
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(ctx, &amogatev1.ListCustomersRequest{PageToken: token})
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	l := &listed{}
	for {
		msg, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return l, nil
		case err != nil:
			l.failed = failureOf(err)
			return l, nil
		case msg.GetCustomer() != nil:
			l.add(msg.GetCustomer().GetId(), msg.GetResumeToken())
			if each != nil {
				each(l)
			}
		case msg.GetEnd() != nil:
			l.ended = true
		}
	}
}

// listREST is list over REST.
func listREST(ctx context.Context, address, token string) (*listed, error) {
	return listRESTBy(ctx, http.DefaultClient, "http://"+address, token)
}

// listRESTBy is listREST by a client of its own.
func listRESTBy(ctx context.Context, client *http.Client, root, token string) (*listed, error) {
	url := root + "/v1/customers:stream"
	if token != "" {
		url += "?page_token=" + token
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	l := &listed{}
	lines := json.NewDecoder(resp.Body)
	for {
		var line struct {
			Customer *struct {
				ID int64 `json:"id,string"`
			} `json:"customer"`
			End         *struct{}  `json:"end"`
			Error       *errorBody `json:"error"`
			ResumeToken string     `json:"resume_token"`
		}
		err := lines.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return l, nil
		case err != nil:
			return nil, fmt.Errorf("read list: %w", err)
		case line.Error != nil:
			l.failed = line.Error.failure()
		case line.Customer != nil:
			l.add(line.Customer.ID, line.ResumeToken)
		case line.End != nil:
			l.ended = true
		}
	}
}
