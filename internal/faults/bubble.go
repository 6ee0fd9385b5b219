package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// testKey is the key of the running test in a context.
type testKey struct{}

// asTest runs main inside a test, which is what a clock of one's own needs, and
// ends the process with 1 if it fails.
func asTest(main func(ctx context.Context) (ok bool)) {
	match := func(string, string) (bool, error) { return true, nil }
	testing.Main(match, []testing.InternalTest{{Name: "Faults", F: func(t *testing.T) {
		t.Helper()
		if !main(withTest(t.Context(), t)) {
			t.Fail()
		}
	}}}, nil, nil)
}

func withTest(ctx context.Context, t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(ctx, testKey{}, t)
}

// inBubble runs a row with a clock of its own: hours pass at once, and a
// duration that is measured is exact. Goroutines that the row leaves behind fail
// it.
func inBubble(ctx context.Context, row func(ctx context.Context) (string, error)) (measured string, err error) {
	outer, ok := ctx.Value(testKey{}).(*testing.T)
	if !ok {
		return "", errors.New("the row needs a test around it")
	}
	err = errors.New("the row did not run to its end")
	outer.Run("bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { measured, err = row(t.Context()) })
	})
	return measured, err
}
