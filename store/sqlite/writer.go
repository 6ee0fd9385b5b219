package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"

	"github.com/amogate/amogate/store/internal/engine"
)

// groupSize is how many changes share a transaction at most.
const groupSize = 128

// writer makes all changes of a store, one group after the other.
type writer struct {
	db      *sql.DB
	log     *slog.Logger
	changes chan *change

	mu     sync.RWMutex
	closed bool
	done   chan struct{}
}

// change is one change that waits for its group.
type change struct {
	ctx   context.Context //nolint:containedctx // It is the caller's, who waits for this change.
	op    string
	run   func(context.Context, querier) error
	after func()
	// err is the change's own, answer that of the whole.
	err    error
	answer chan error
}

func newWriter(db *sql.DB, log *slog.Logger) *writer {
	db.SetMaxOpenConns(1)
	w := &writer{db: db, log: log, changes: make(chan *change, groupSize), done: make(chan struct{})}
	go w.work()
	return w
}

// do has a change made, in a transaction with others, and returns when it is
// durable. run gets a context that does not end with the caller's: a change is
// made or not, never cut.
func (w *writer) do(ctx context.Context, op string, run func(context.Context, querier) error, after func()) error {
	c := &change{ctx: ctx, op: op, run: run, after: after, answer: make(chan error, 1)}
	if err := w.offer(c); err != nil {
		return err
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		return engine.Ended(ctx, op)
	}
}

// offer puts a change into the queue.
func (w *writer) offer(c *change) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return engine.Closed(c.op)
	}
	select {
	case w.changes <- c:
		return nil
	case <-c.ctx.Done():
		return engine.Ended(c.ctx, c.op)
	}
}

// close waits for the changes that were offered.
func (w *writer) close() error {
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if already {
		return nil
	}
	close(w.changes)
	<-w.done
	return w.db.Close()
}

// work makes changes until the queue is closed.
func (w *writer) work() {
	defer close(w.done)
	for first := range w.changes {
		w.makeAll(w.group(first))
	}
}

// group returns a change with all that wait behind it.
func (w *writer) group(first *change) []*change {
	group := []*change{first}
	for len(group) < groupSize {
		select {
		case c, ok := <-w.changes:
			if !ok {
				return group
			}
			group = append(group, c)
		default:
			return group
		}
	}
	return group
}

// makeAll makes the changes of a group and answers all of them after the commit.
func (w *writer) makeAll(group []*change) {
	ctx := context.Background()
	err := w.transact(ctx, group)
	for _, c := range group {
		switch {
		case err != nil:
			c.answer <- err
		case c.err != nil:
			c.answer <- c.err
		default:
			if c.after != nil {
				c.after()
			}
			c.answer <- nil
		}
	}
}

// transact makes the changes of a group in one transaction. An error is that of
// all; the fault of one is in its err and undone alone.
func (w *writer) transact(ctx context.Context, group []*change) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // It goes back to its pool of one.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, c := range group {
		if c.ctx.Err() != nil {
			c.err = engine.Ended(c.ctx, c.op)
			continue
		}
		if err := w.makeOne(ctx, conn, c); err != nil {
			w.rollback(ctx, conn)
			return err
		}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		w.rollback(ctx, conn)
		return err
	}
	return nil
}

// makeOne makes one change of a group. Its error says that the transaction is not
// to be gone on with.
func (w *writer) makeOne(ctx context.Context, conn *sql.Conn, c *change) error {
	if _, err := conn.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	if c.err = c.run(ctx, conn); c.err != nil {
		// A full disk may have undone the whole transaction: then there is no
		// savepoint, and the error is that of all.
		if _, err := conn.ExecContext(ctx, "ROLLBACK TO one"); err != nil {
			return errors.Join(c.err, err)
		}
	}
	_, err := conn.ExecContext(ctx, "RELEASE one")
	return err
}

// rollback leaves no transaction open. SQLite may have ended it by itself.
func (w *writer) rollback(ctx context.Context, conn *sql.Conn) {
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		w.log.DebugContext(ctx, "nothing to roll back", "error", err)
	}
}
