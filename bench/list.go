package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

// listed is what a list brought.
type listed struct {
	rows int64
	// distinct is the number of different ids, where they were counted.
	distinct int64
	// first and last are when the first and the last row came.
	first, last time.Time
	// ended says that the list came to its end, which told the rest.
	ended        bool
	told         int64
	completeness string
	windows      int64
}

func (l *listed) row() {
	l.last = time.Now()
	if l.rows == 0 {
		l.first = l.last
	}
	l.rows++
}

// whole says that a list brought every row of an account and spoke of as many.
func (l listed) whole(customers int) bool {
	return l.ended && l.rows == int64(customers) && l.told == l.rows && l.distinct == l.rows
}

// reader reads a list of customers to its end, or until row says that it is
// enough. Row is called with the id of each row; it is 0 over REST.
type reader func(ctx context.Context, s *process.Server, row func(id int64) (more bool)) (listed, error)

// readGRPC reads a list over gRPC.
func readGRPC(ctx context.Context, s *process.Server, row func(id int64) bool) (got listed, err error) {
	conn, err := dial(s.GRPC)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
	if err != nil {
		return got, err
	}
	for {
		message, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return got, nil
		case err != nil:
			return got, err
		}
		if end := message.GetEnd(); end != nil {
			got.ended, got.told, got.windows = true, end.GetRows(), end.GetWindows()
			got.completeness = strings.TrimPrefix(end.GetCompleteness().String(), "COMPLETENESS_")
			continue
		}
		got.row()
		if !row(message.GetCustomer().GetId()) {
			return got, nil
		}
	}
}

// rowStart is how the line of a row begins; it is all that is looked at, so that
// the reader does not take part in what is measured.
var rowStart = []byte(`{"customer"`)

// readREST reads a list over REST.
func readREST(ctx context.Context, s *process.Server, row func(id int64) bool) (got listed, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.REST+"/v1/customers:stream", http.NoBody)
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
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), rowStart) {
			got.row()
			if !row(0) {
				return got, nil
			}
			continue
		}
		var line struct {
			End *struct {
				Rows         int64  `json:"rows,string"`
				Completeness string `json:"completeness"`
			} `json:"end"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.End == nil {
			return got, fmt.Errorf("behind row %d: %s", got.rows, lines.Bytes())
		}
		got.ended, got.told = true, line.End.Rows
		got.completeness = strings.TrimPrefix(line.End.Completeness, "COMPLETENESS_")
	}
	return got, lines.Err()
}

// everyRow reads a list to its end.
func everyRow(int64) bool { return true }

// readDistinct reads a list over gRPC to its end and counts its ids.
func readDistinct(ctx context.Context, s *process.Server) (listed, error) {
	ids := map[int64]struct{}{}
	got, err := readGRPC(ctx, s, func(id int64) bool {
		ids[id] = struct{}{}
		return true
	})
	got.distinct = int64(len(ids))
	return got, err
}
