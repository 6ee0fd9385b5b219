package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestProxy_notesTheFirstPageAndPassesItOn(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.String())
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding")) //nolint:gosec // nobody looks at it in a browser
	}))
	defer target.Close()
	p := newProxy(strings.TrimPrefix(target.URL, "http://"))
	defer p.transport.CloseIdleConnections()
	server := httptest.NewServer(p)
	defer server.Close()
	get := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip, test")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(body) != "gzip, test" || resp.StatusCode != http.StatusAccepted || resp.Header.Get("X-Path") != path {
			t.Errorf("%s: %s %q %v, %v", path, resp.Status, body, resp.Header, err)
		}
	}
	get("/api/v4/account?with=a")
	if _, ok := p.first(); ok {
		t.Error("an account was taken for a page")
	}
	begun := time.Now()
	get("/api/v4/customers?limit=250&page=1")
	first, ok := p.first()
	if !ok || first.Before(begun) {
		t.Errorf("first page at %v, %v", first, ok)
	}
	get("/api/v4/customers?limit=250&page=2")
	if again, _ := p.first(); !again.Equal(first) {
		t.Error("the second page was taken for the first")
	}
	p.forget()
	if _, ok := p.first(); ok {
		t.Error("a page was remembered")
	}
}
