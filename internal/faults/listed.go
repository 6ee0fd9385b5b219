package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// listed is a list, or the part of it that came.
type listed struct {
	// ids are those of the rows in the order in which they came.
	ids []int64
	// token resumes behind the last message, tokens are those of all.
	token  string
	tokens []string
	// copy is what a reader has who applies the messages in order, by id.
	copy map[int64]version
	// again counts the rows that came more than once, unchanged those of them that
	// had come so before, and deleted the deletions.
	again, unchanged, deleted int64
	// end is what the list told of itself, once ended says that it did.
	end   *amogatev1.ListEnd
	ended bool
	// failed is how the list broke off.
	failed failure
}

// version is a state of a customer.
type version struct {
	name string
	// updated is when it changed, in unix seconds.
	updated int64
}

func newListed() *listed { return &listed{copy: map[int64]version{}} }

// add takes a row.
func (l *listed) add(id int64, row version, token string) {
	if before, came := l.copy[id]; came {
		l.again++
		if before == row {
			l.unchanged++
		}
	}
	l.ids = append(l.ids, id)
	l.copy[id] = row
	l.behind(token)
}

// drop takes a deletion.
func (l *listed) drop(id int64, token string) {
	l.deleted++
	delete(l.copy, id)
	l.behind(token)
}

func (l *listed) behind(token string) {
	l.token = token
	l.tokens = append(l.tokens, token)
}

// list reads a list over gRPC to its end, or until it breaks off. After each
// row it calls each, which may be nil.
func list(ctx context.Context, conn grpc.ClientConnInterface, token string, each func(*listed)) (*listed, error) {
	l := newListed()
	return l, l.read(ctx, conn, token, each)
}

// read goes on with a list.
func (l *listed) read(ctx context.Context, conn grpc.ClientConnInterface, token string, each func(*listed)) error {
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(ctx, &amogatev1.ListCustomersRequest{PageToken: token})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	for {
		msg, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			l.failed = failureOf(err)
			return nil
		case msg.GetCustomer() != nil:
			c := msg.GetCustomer()
			l.add(c.GetId(), version{c.GetName(), c.GetUpdateTime().GetSeconds()}, msg.GetResumeToken())
			if each != nil {
				each(l)
			}
		case msg.GetDeleted() != nil:
			l.drop(msg.GetDeleted().GetId(), msg.GetResumeToken())
		case msg.GetEnd() != nil:
			l.end, l.ended = msg.GetEnd(), true
		}
	}
}

// listREST is list over REST.
func listREST(ctx context.Context, address, token string) (*listed, error) {
	return listRESTBy(ctx, http.DefaultClient, "http://"+address, token)
}

// listRESTBy is listREST by a client of its own.
func listRESTBy(ctx context.Context, client *http.Client, root, token string) (*listed, error) {
	l := newListed()
	return l, l.readREST(ctx, client, root, token, nil)
}

// listLine is a line of a list over REST.
type listLine struct {
	Customer *struct {
		ID         int64     `json:"id,string"`
		Name       string    `json:"name"`
		UpdateTime time.Time `json:"update_time"`
	} `json:"customer"`
	Deleted *struct {
		ID int64 `json:"id,string"`
	} `json:"deleted"`
	End         json.RawMessage `json:"end"`
	Error       *errorBody      `json:"error"`
	ResumeToken string          `json:"resume_token"`
}

// readREST goes on with a list over REST. After each row it calls each, which may
// be nil.
func (l *listed) readREST(ctx context.Context, client *http.Client, root, token string, each func(*listed)) error {
	url := root + "/v1/customers:stream"
	if token != "" {
		url += "?page_token=" + token
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := json.NewDecoder(resp.Body)
	for {
		var line listLine
		err := lines.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read list: %w", err)
		case line.Error != nil:
			l.failed = line.Error.failure()
		case line.Customer != nil:
			l.add(line.Customer.ID, version{line.Customer.Name, line.Customer.UpdateTime.Unix()}, line.ResumeToken)
			if each != nil {
				each(l)
			}
		case line.Deleted != nil:
			l.drop(line.Deleted.ID, line.ResumeToken)
		case line.End != nil:
			l.end, l.ended = &amogatev1.ListEnd{}, true
			if err := protojson.Unmarshal(line.End, l.end); err != nil {
				return fmt.Errorf("read the end of a list: %w", err)
			}
		}
	}
}
