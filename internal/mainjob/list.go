package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

// result is what a list brought.
type result struct {
	rows int64
	// ended says that the list had an end, and told how many rows it spoke of.
	ended bool
	told  int64
}

// readGRPC reads the list over gRPC.
func readGRPC(ctx context.Context, p *process.Server) (got result, err error) {
	conn, err := grpc.NewClient(p.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
	if err != nil {
		return got, err
	}
	for {
		msg, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return got, nil
		case err != nil:
			return got, err
		case msg.GetEnd() != nil:
			got.ended, got.told = true, msg.GetEnd().GetRows()
		default:
			got.rows++
		}
	}
}

// readREST reads the list over REST.
func readREST(ctx context.Context, p *process.Server) (got result, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.REST+"/v1/customers:stream", http.NoBody)
	if err != nil {
		return got, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return got, fmt.Errorf("status %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var line struct {
			Customer json.RawMessage `json:"customer"`
			End      *struct {
				Rows int64 `json:"rows,string"`
			} `json:"end"`
			Error json.RawMessage `json:"error"`
		}
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil:
			return got, fmt.Errorf("line %d: %w", got.rows+1, err)
		case line.Error != nil:
			return got, fmt.Errorf("line %d: %s", got.rows+1, line.Error)
		case line.End != nil:
			got.ended, got.told = true, line.End.Rows
		case line.Customer != nil:
			got.rows++
		}
	}
	return got, lines.Err()
}
