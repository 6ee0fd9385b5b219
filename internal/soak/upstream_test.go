package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals runs a way and returns when requests arrived and when they were
// answered, from the start on.
func arrivals(t *testing.T, way func(http.Handler) http.Handler, path string, count int) (arrived, answered []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		for range count {
			began := time.Now()
			handler := way(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				arrived = append(arrived, time.Since(began))
				w.Header().Set("Content-Type", "text/plain")
				w.WriteHeader(http.StatusTeapot)
				_, _ = w.Write([]byte("tea"))
			}))
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
			if answer.Code != http.StatusTeapot || answer.Body.String() != "tea" || answer.Header().Get("Content-Type") != "text/plain" {
				t.Errorf("answer %d %q", answer.Code, answer.Body)
			}
			answered = append(answered, time.Since(began))
		}
	})
	return arrived, answered
}

func TestDelay_spreadsArrivals(t *testing.T) {
	t.Parallel()
	var late delay
	arrived, _ := arrivals(t, late.way, "/api/v4/customers", 200)
	if late.longer.Load() != 0 {
		t.Errorf("%s", &late)
	}
	if least, most := quantile(arrived, 0), quantile(arrived, 1); least > jitter/10 || most < jitter*9/10 || most > jitter {
		t.Errorf("requests are %v to %v late, want 0 to %v", least, most, jitter)
	}
}

func TestSlowTokens_isSlowBeforeAndAfter(t *testing.T) {
	t.Parallel()
	arrived, answered := arrivals(t, slowTokens, tokenPath, 200)
	for n := range answered {
		if answered[n] < fastToken || answered[n] > slowToken || arrived[n] != answered[n]/2 {
			t.Fatalf("arrived after %v, answered after %v", arrived[n], answered[n])
		}
	}
	if _, answered := arrivals(t, slowTokens, "/api/v4/customers", 1); answered[0] != 0 {
		t.Errorf("another path takes %v", answered[0])
	}
}

func TestDuring_hasNoDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := during(t.Context(), time.Minute)
		defer stop()
		if _, ok := ctx.Deadline(); ok {
			t.Error("it has a deadline")
		}
		began := time.Now()
		<-ctx.Done()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it ended after %v", took)
		}
		early, stop := during(context.Background(), time.Minute)
		stop()
		if early.Err() == nil {
			t.Error("it did not stop")
		}
	})
}
