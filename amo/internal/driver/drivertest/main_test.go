package drivertest_test

import (
	"flag"
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// checks is how often each property is tried: there are hundreds of them. The
// flag wins.
const checks = "20"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", checks); err != nil {
		slog.Error("set the number of checks", "err", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
