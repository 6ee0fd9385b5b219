package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/amogate/amogate/emulator"
)

const (
	createCount, shortCreateCount = 10_000, 1_000
	// oneByOne of 100 records are calls of their own, the others come in batches of
	// up to largestBatch: at 7 requests a second and process 10,000 calls would take
	// long.
	oneByOne     = 15
	largestBatch = 150
	// callers work at once, on createProcesses processes, of which one is killed
	// every killEvery.
	callers         = 8
	createProcesses = 2
	killEvery       = 4 * time.Second
	// callTimeout is the deadline of a call.
	callTimeout = 30 * time.Second
	// createsTimeout bounds the whole program.
	createsTimeout = 15 * time.Minute
)

// createFaults make upstream cut one connection of twenty and fail one request of
// fifty, each in about equal parts before it wrote, after it, and in its answer. One
// of a hundred it refuses.
var createFaults = []emulator.Rule{
	{Match: emulator.Match{Every: 59}, Action: emulator.Action{Drop: true}},
	{Match: emulator.Match{Every: 60}, Action: emulator.Action{Drop: true, Apply: true}},
	{Match: emulator.Match{Every: 61}, Action: emulator.Action{Cut: new(25)}},
	{Match: emulator.Match{Every: 99}, Action: emulator.Action{Status: http.StatusBadGateway, HTML: true}},
	{Match: emulator.Match{Every: 97}, Action: emulator.Action{Status: http.StatusBadRequest}},
	{Match: emulator.Match{Every: 101}, Action: emulator.Action{Status: http.StatusGatewayTimeout, HTML: true, Apply: true}},
}

// creates makes records while everything fails, and compares what callers were told
// with what upstream has.
func creates(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, createsTimeout)
	defer cancel()
	account, err := emulator.New(emulator.Config{Window: -1, Latency: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	if err := prepareAccount(account); err != nil {
		return err
	}
	upstream := httptest.NewServer(account)
	defer upstream.Close()
	if err := account.Script(createFaults...); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "amogate-creates-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	tokenFile := filepath.Join(dir, "token")
	if err := os.WriteFile(tokenFile, []byte(emulator.DefaultToken), 0o600); err != nil {
		return err
	}
	var children []*child
	defer func() {
		for _, c := range children {
			c.kill()
		}
	}()
	var conns []*grpc.ClientConn
	defer func() {
		for _, conn := range conns {
			err = errors.Join(err, conn.Close())
		}
	}()
	for n := range createProcesses {
		c, err := newChild(b.binary, filepath.Join(dir, fmt.Sprintf("process%d", n)),
			"--account-url="+upstream.URL, "--account-token-file="+tokenFile, "--rate=7")
		if err != nil {
			return err
		}
		if err := c.start(ctx); err != nil {
			return err
		}
		children = append(children, c)
		conn, err := grpc.NewClient(c.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
		if err != nil {
			return err
		}
		conns = append(conns, conn)
	}

	began, count := time.Now(), length(b, createCount, shortCreateCount)
	told, kills, err := createUnderKills(ctx, plan(count), children, conns)
	if err != nil {
		return err
	}
	reportCreates(out, account, children, told, count, kills, time.Since(began))
	return nil
}

// createUnderKills makes all records and returns what the callers were told.
func createUnderKills(ctx context.Context, jobs []job, children []*child, conns []*grpc.ClientConn) (told []outcome, kills int, err error) {
	killing, stop := context.WithCancel(ctx)
	defer stop()
	var killer errgroup.Group
	killer.Go(func() error {
		// Not in step with anything.
		for pause(killing, killEvery/2+rand.N(killEvery)) { //nolint:gosec // spreads kills, guards nothing
			c := children[kills%len(children)]
			c.kill()
			kills++
			if err := c.start(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	var mu sync.Mutex
	work := make(chan job)
	var workers sync.WaitGroup
	for n := range callers {
		workers.Go(func() {
			conn := conns[n%len(conns)]
			for j := range work {
				outcomes := j.create(ctx, conn)
				mu.Lock()
				told = append(told, outcomes...)
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		select {
		case work <- j:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	stop()
	return told, kills, errors.Join(killer.Wait(), ctx.Err())
}
