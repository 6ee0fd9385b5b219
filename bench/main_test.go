package main

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMain_refusesUnknownParts(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := mainWith(t.Context(), []string{"lists", "list"}, &stdout, &stderr); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	if want := `there is no part "list"; there are peers plain lists`; !strings.Contains(stderr.String(), want) {
		t.Errorf("output %q, want %q", stderr.String(), want)
	}
}

func TestChoose_keepsTheOrder(t *testing.T) {
	chosen, err := choose([]string{"creates", "peers"})
	if err != nil || len(chosen) != 2 || chosen[0].name != "peers" || chosen[1].name != "creates" {
		t.Errorf("choose = %+v, %v", chosen, err)
	}
	if all, err := choose(nil); err != nil || len(all) != len(parts) {
		t.Errorf("%d parts of %d, %v", len(all), len(parts), err)
	}
}
