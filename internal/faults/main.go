package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// rowTimeout bounds one row, so that a hanging part is a failed row and not a
// hanging run.
const rowTimeout = time.Minute

const exitUsage = 64

func main() {
	if code, asked := replicaMain(); asked {
		os.Exit(code)
	}
	signalled, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if _, err := choose(table(&executable{}), os.Args[1:]); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "faults: %v\n", err)
		os.Exit(exitUsage) //nolint:gocritic // nothing is to be stopped yet
	}
	asTest(func(inTest context.Context) bool {
		// Rows end with the test and with a signal.
		ctx, cancel := context.WithCancel(inTest)
		defer cancel()
		defer context.AfterFunc(signalled, cancel)()
		return mainWith(ctx, os.Args[1:], os.Stdout, os.Stderr) == 0
	})
}

func mainWith(ctx context.Context, ids []string, stdout, stderr io.Writer) int {
	x := &executable{}
	defer x.remove()
	rows, err := choose(table(x), ids)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "faults: %v\n", err)
		return exitUsage
	}
	if err := run(ctx, rows, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "faults: %v\n", err)
		return 1
	}
	return 0
}

// Row is one line of the fault table.
type Row struct {
	// ID is P, C and so on, for the part that misbehaves, and a number.
	ID string
	// Bound is what has to hold, for people.
	Bound string
	// Run makes the fault happen. It returns what it measured, or why the bound
	// does not hold.
	Run func(ctx context.Context) (measured string, err error)
}

// choose returns the rows with the ids, in the order of the table; all of them
// when there are no ids.
func choose(rows []Row, ids []string) ([]Row, error) {
	if len(ids) == 0 {
		return rows, nil
	}
	var chosen []Row
	var known []string
	for _, r := range rows {
		known = append(known, r.ID)
		if slices.Contains(ids, r.ID) {
			chosen = append(chosen, r)
		}
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return nil, fmt.Errorf("there is no row %q; there are %s", id, strings.Join(known, " "))
		}
	}
	return chosen, nil
}

var errRowFailed = errors.New("not every row passed")

// run runs the rows and prints a line for each.
func run(ctx context.Context, rows []Row, out io.Writer) error {
	failed := false
	for _, r := range rows {
		verdict := "PASS"
		measured, err := runOne(ctx, r)
		if err != nil {
			failed = true
			verdict, measured = "FAIL", strings.Join(strings.Fields(err.Error()), " ")
		}
		if _, err := fmt.Fprintf(out, "%s %s %s | %s\n", r.ID, verdict, r.Bound, measured); err != nil {
			return fmt.Errorf("print row %s: %w", r.ID, err)
		}
	}
	if failed {
		return errRowFailed
	}
	return nil
}

func runOne(ctx context.Context, r Row) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, rowTimeout)
	defer cancel()
	return r.Run(ctx)
}
