package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// bombSize is what the bombs unpack to.
const bombSize = 1 << 30

// bombs answer some requests for a page with a body that unpacks to zeros.
type bombs struct {
	next http.Handler
	body []byte
	// query is in the queries of those requests.
	query atomic.Pointer[string]
}

func newBombs(next http.Handler) (*bombs, error) {
	const memberSize = 1 << 20
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, err := z.Write(make([]byte, memberSize))
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("make bomb: %w", err)
	}
	// A gzip body may have many members.
	b := &bombs{next: next, body: bytes.Repeat(member.Bytes(), bombSize/memberSize)}
	b.in("none")
	return b, nil
}

func (b *bombs) in(query string) { b.query.Store(&query) }

// ServeHTTP implements http.Handler.
func (b *bombs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isPage(r) || !strings.Contains(r.URL.RawQuery, *b.query.Load()) {
		b.next.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/hal+json")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(b.body) //nolint:gosec // no page of a browser; the caller leaves before the end
}

// memoryOf returns a line of what the system knows of a process's memory, in
// bytes: VmRSS is what it has, VmHWM the most it had.
func memoryOf(pid int, line string) (int64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	m := regexp.MustCompile(line + `:\s*(\d+) kB`).FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("read memory: no %s", line)
	}
	kilobytes, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return kilobytes << 10, nil
}

// gzipBomb has upstream answer a process with bodies that unpack to a gigabyte.
// More than growth bytes must not come to its memory.
func (x *executable) gzipBomb(ctx context.Context, growth int64) (string, error) {
	var measured []string
	for _, api := range upstreamAPIs {
		text, err := x.gzipBombOver(ctx, api, growth)
		if err != nil {
			return "", fmt.Errorf("%s: %w", api.generation, err)
		}
		measured = append(measured, api.generation.String()+" "+text)
	}
	return strings.Join(measured, "; "), nil
}

func (x *executable) gzipBombOver(ctx context.Context, api upstreamAPI, growth int64) (measured string, err error) {
	upstream := &stack{}
	defer func() { err = errors.Join(err, upstream.close()) }()
	if upstream.emulator, err = emulator.New(emulator.Config{Customers: 1200, Strict: true}); err != nil {
		return "", err
	}
	bombs, err := newBombs(upstream.emulator)
	if err != nil {
		return "", err
	}
	address, err := upstream.serveHTTP(ctx, bombs, nil)
	if err != nil {
		return "", err
	}
	c, err := x.serve(ctx, []string{"AMOGATE_ACCOUNT_TOKEN=" + emulator.DefaultToken}, []string{
		"--account-url=http://" + address, "--allow-insecure-upstream", "--upstream-api=" + api.generation.String(),
	})
	if err != nil {
		return "", err
	}
	defer c.kill()
	conn, err := dial(c.grpc)
	if err != nil {
		return "", err
	}
	upstream.onClose(conn.Close)
	upstream.conn, upstream.customers, upstream.rest = conn, amogatev1.NewCustomerServiceClient(conn), "http://"+c.rest

	// A list shows how much memory the process has anyway.
	if _, err := list(ctx, conn, "", nil); err != nil {
		return "", err
	}
	pid := c.cmd.Process.Pid
	before, err := memoryOf(pid, "VmRSS")
	if err != nil {
		return "", err
	}
	// Five starts the count of the most memory anew.
	if err := os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte("5"), 0); err != nil {
		return "", fmt.Errorf("count memory anew: %w", err)
	}
	bombs.in(api.size(api.largest))
	got, err := list(ctx, conn, "", nil)
	if err != nil {
		return "", err
	}
	if !got.ended || len(got.ids) != upstream.emulator.CountCustomers() {
		return "", fmt.Errorf("the largest page is a bomb: %d rows of %d came, then %s", len(got.ids), upstream.emulator.CountCustomers(), got.failed)
	}
	bombs.in("")
	_, err = upstream.firstPage(ctx)
	if err := failureOf(err).want(codes.Internal, "UPSTREAM_RESPONSE_TOO_LARGE"); err != nil {
		return "", fmt.Errorf("every page is a bomb: %w", err)
	}
	status, failed, err := restCall(ctx, http.MethodGet, upstream.rest+"/v1/customers", "", nil)
	if err := errors.Join(err, failed.want(codes.Internal, "UPSTREAM_RESPONSE_TOO_LARGE")); err != nil {
		return "", fmt.Errorf("REST: %w", err)
	}
	if status != http.StatusInternalServerError {
		return "", fmt.Errorf("REST: status %d", status)
	}
	most, err := memoryOf(pid, "VmHWM")
	if err != nil {
		return "", err
	}
	if most-before > growth {
		return "", fmt.Errorf("memory grew from %d to %d MiB", before>>20, most>>20)
	}
	return fmt.Sprintf("memory grew from %d to %d MiB", before>>20, most>>20), nil
}
