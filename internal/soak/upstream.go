package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/amogate/amogate/emulator"
)

const (
	// latency is the emulator's.
	latency = 100 * time.Millisecond
	// banAfter is how many 429 answers get an account banned here.
	banAfter = 5
	// jitter is the most that a request is late on its way.
	jitter = 150 * time.Millisecond
	// fastToken and slowToken are between what the token endpoint takes.
	fastToken, slowToken = 20 * time.Millisecond, 80 * time.Millisecond
	// tokenPath is that of the token endpoint.
	tokenPath = "/oauth2/access_token" //nolint:gosec // a path
)

// upstream is an emulated account behind a socket.
type upstream struct {
	account *emulator.Emulator
	server  *httptest.Server
}

// newUpstream serves an account. The way to it, nil for none, is what requests go
// through before they arrive.
func newUpstream(config emulator.Config, way func(next http.Handler) http.Handler) (*upstream, error) {
	account, err := emulator.New(config)
	if err != nil {
		return nil, err
	}
	handler := http.Handler(account)
	if way != nil {
		handler = way(handler)
	}
	return &upstream{account: account, server: httptest.NewServer(handler)}, nil
}

// watched is an account that counts as strictly as upstream does.
func watched(customers int) emulator.Config {
	return emulator.Config{Customers: customers, BanAfter: banAfter, Latency: latency}
}

// delay is a way on which every request gets late, each by another time.
type delay struct {
	// longer counts those that got later than jitter, since this machine was busy:
	// no limit holds then.
	longer atomic.Int64
}

func (d *delay) way(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		if !pause(r.Context(), rand.N(jitter)) { //nolint:gosec // a delay, not a secret
			return
		}
		if time.Since(began) > jitter {
			d.longer.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

// String tells how late requests arrived.
func (d *delay) String() string {
	return fmt.Sprintf("requests arrive 0 to %d ms late, %d of them later", jitter.Milliseconds(), d.longer.Load())
}

// slowTokens makes the token endpoint slow, before and after it has exchanged.
func slowTokens(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != tokenPath {
			next.ServeHTTP(w, r)
			return
		}
		half := (fastToken + rand.N(slowToken-fastToken)) / 2 //nolint:gosec // a delay, not a secret
		if !pause(r.Context(), half) {
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if !pause(r.Context(), half) {
			return
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // its caller shows it
	})
}
