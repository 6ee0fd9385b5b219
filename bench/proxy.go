package main

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// proxy passes requests on to the emulator, and notes when pages of customers
// have come.
type proxy struct {
	target    string
	transport *http.Transport

	mu sync.Mutex
	// asked counts the pages that were asked for since forget; passed is
	// when the first of them had come, zero before.
	asked  int
	passed time.Time
	// life counts the calls of forget.
	life int
}

func newProxy(target string) *proxy {
	// What comes compressed is passed on as it is.
	return &proxy{target: target, transport: &http.Transport{DisableCompression: true}}
}

// forget begins to count from the start.
func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life++
	p.asked, p.passed = 0, time.Time{}
}

// first is when the last byte of the first page came.
func (p *proxy) first() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed, !p.passed.IsZero()
}

// note counts a request and returns what notes that its answer has come.
func (p *proxy) note(r *http.Request) func() {
	if r.Method != http.MethodGet || !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/customers") {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	isFirst, life := p.asked == 1, p.life
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if isFirst && life == p.life {
			p.passed = time.Now()
		}
	}
}

// ServeHTTP implements http.Handler. An answer is read whole and then passed on,
// so that the time before it is passed on is the earliest at which its last byte
// can have been read behind the proxy.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := p.note(r)
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL = &url.URL{Scheme: "http", Host: p.target, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	resp, err := p.transport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	maps.Copy(w.Header(), resp.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(resp.StatusCode)
	came()
	_, _ = w.Write(body) // who does not read it has gone
}
