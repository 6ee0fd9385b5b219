package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// listWay is a way in which lists of customers run.
type listWay struct {
	name string
	api  upstreamAPI
	// filters says that the account has upstream's paid filters, promise is what
	// the end of a list says.
	filters bool
	promise amogatev1.Completeness
}

// listWays are all of them. Upstream pages v2 by the time of change and cannot be
// asked by it; without filters v4 pages by id.
var listWays = []listWay{
	{"v2", upstreamAPIs[0], true, amogatev1.Completeness_COMPLETENESS_BEST_EFFORT},
	{"v4 by pages", upstreamAPIs[1], false, amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED},
	{"v4 by windows", upstreamAPIs[1], true, amogatev1.Completeness_COMPLETENESS_WINDOWED},
}

// windowed says that lists run by windows of the time of change, repaired that page
// borders are looked at again.
func (w listWay) windowed() bool { return w.promise == amogatev1.Completeness_COMPLETENESS_WINDOWED }

func (w listWay) repaired() bool {
	return w.promise == amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED
}

// listRun is a list about to run, on a stack of its own.
type listRun struct {
	*bubbleStack
	way listWay
	// overREST says that it is read over REST, else over gRPC.
	overREST bool
	// pages lets things happen between the pages.
	pages *pageWatch
}

// inEveryWay runs a row for every way in which lists run, over gRPC and over REST,
// each with a stack and a clock of its own. What it returns is measured over gRPC.
func inEveryWay(ctx context.Context, config stackConfig, row func(context.Context, *listRun) (string, error)) (string, error) {
	return inWays(ctx, config, listWays, row)
}

func inWays(ctx context.Context, config stackConfig, ways []listWay, row func(context.Context, *listRun) (string, error)) (string, error) {
	var measured []string
	for i, way := range ways {
		for _, overREST := range unlessWatched([]bool{true, false}, []bool{i%2 == 0}) {
			text, err := inWay(ctx, config, way, overREST, row)
			if err != nil {
				return "", err
			}
			if !overREST {
				measured = append(measured, way.name+" "+text)
			}
		}
	}
	return strings.Join(measured, "; "), nil
}

func inWay(ctx context.Context, config stackConfig, way listWay, overREST bool, row func(context.Context, *listRun) (string, error)) (string, error) {
	pages := &pageWatch{}
	emulated := config.emulated
	config.emulated = func(c *emulator.Config) {
		c.FiltersOff = !way.filters
		if emulated != nil {
			emulated(c)
		}
	}
	config.generation, config.transport = way.api.generation, pages.inFront
	text, err := inBubbleStack(ctx, bubbleConfig{stackConfig: config}, func(ctx context.Context, s *bubbleStack) (string, error) {
		r := &listRun{bubbleStack: s, way: way, overREST: overREST, pages: pages}
		text, err := row(ctx, r)
		return text, errors.Join(err, pages.err)
	})
	if err != nil {
		transport := "gRPC"
		if overREST {
			transport = "REST"
		}
		return "", fmt.Errorf("%s over %s: %w", way.name, transport, err)
	}
	return text, nil
}

// list reads the list.
func (r *listRun) list(ctx context.Context) (*listed, error) {
	if r.overREST {
		return listRESTBy(ctx, r.replicas[0].http, restRoot, "")
	}
	return list(ctx, r.conn, "", nil)
}

// goOn reads what is left of a list that broke off.
func (r *listRun) goOn(ctx context.Context, l *listed) error {
	l.failed = failure{}
	if r.overREST {
		return l.readREST(ctx, r.replicas[0].http, restRoot, l.token, nil)
	}
	return l.read(ctx, r.conn, l.token, nil)
}

// source is what the account has, by id.
func (r *listRun) source() map[int64]version {
	all := map[int64]version{}
	for c := range r.emulator.Customers() {
		all[c.ID] = version{c.Name, c.UpdatedAt}
	}
	return all
}

// ids are those of the account in the order in which upstream's pages have them.
func (r *listRun) ids() []int64 {
	var ids []int64
	for c := range r.emulator.Customers() {
		ids = append(ids, c.ID)
	}
	if r.way.repaired() {
		slices.Sort(ids)
	}
	return ids
}

// wantWhole returns an error unless a list has all that the account had all the
// time since before, tells of itself what is true, and keeps what it promises.
func (r *listRun) wantWhole(got *listed, before map[int64]version) error {
	after := r.source()
	if !got.ended {
		return fmt.Errorf("the list broke off with %s behind %d rows", got.failed, len(got.ids))
	}
	missing := missingFrom(got, before, after)
	switch {
	case missing > 0:
		return fmt.Errorf("%d rows of %d are missing; the end says %v", missing, len(before), got.end)
	case got.end.GetCompleteness() != r.way.promise:
		return fmt.Errorf("the list promises %s, want %s", got.end.GetCompleteness(), r.way.promise)
	case got.unchanged > 0:
		return fmt.Errorf("%d rows came again unchanged", got.unchanged)
	}
	return r.wantKept(got, after)
}

// missingFrom counts the rows that a list lacks of those that were there before and
// after it.
func missingFrom(got *listed, before, after map[int64]version) int {
	missing := 0
	for id := range before {
		_, stays := after[id]
		if _, came := got.copy[id]; stays && !came {
			missing++
		}
	}
	return missing
}

// wantKept returns an error unless a list keeps what it promises beyond that no row
// is missing.
func (r *listRun) wantKept(got *listed, after map[int64]version) error {
	ghosts := 0
	for id := range got.copy {
		if _, stays := after[id]; !stays {
			ghosts++
		}
	}
	switch {
	case r.way.windowed() && !maps.Equal(got.copy, after):
		return fmt.Errorf("applied in order, %d rows are not the %d there are: %d are gone", len(got.copy), len(after), ghosts)
	case r.way.repaired() && ghosts > 0:
		return fmt.Errorf("nobody told that %d rows are gone", ghosts)
	}
	return nil
}

// wantCounts returns an error unless the end of a list that was read in one go
// counts what came.
func wantCounts(got *listed) error {
	if end := got.end; end.GetRows() != int64(len(got.ids)) || end.GetResent() != got.again || end.GetDeleted() != got.deleted {
		return fmt.Errorf("%d rows, %d again and %d deletions came; the end says %v", len(got.ids), got.again, got.deleted, end)
	}
	return nil
}

// pageWatch is a transport that lets things happen upstream when a page of
// customers is asked for.
type pageWatch struct {
	next http.RoundTripper

	mu sync.Mutex
	// asked counts the requests for pages.
	asked int
	// before is what happens before the request with a number, from 1.
	before map[int]func() error
	err    error
	// empty is the number of the request to which upstream answers as if there were
	// no rows, times how often it does so to requests that equal it.
	empty, times int
	emptied      string
}

func (p *pageWatch) inFront(next http.RoundTripper) http.RoundTripper {
	p.next = next
	return p
}

// at lets something happen before the request with a number.
func (p *pageWatch) at(n int, happens func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.before == nil {
		p.before = map[int]func() error{}
	}
	p.before[n] = happens
}

// emptyAt answers 204 so often to the request with a number.
func (p *pageWatch) emptyAt(n, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.empty, p.times = n, times
}

// RoundTrip implements http.RoundTripper.
func (p *pageWatch) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/customers") && p.page(req) {
		return &http.Response{
			StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: http.NoBody, Request: req,
		}, nil
	}
	return p.next.RoundTrip(req)
}

// page counts a request for a page and says whether it is answered 204.
func (p *pageWatch) page(req *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if happens := p.before[p.asked]; happens != nil {
		p.err = errors.Join(p.err, happens())
	}
	if p.asked == p.empty {
		p.emptied = req.URL.String()
	}
	if p.times == 0 || req.URL.String() != p.emptied {
		return false
	}
	p.times--
	return true
}
