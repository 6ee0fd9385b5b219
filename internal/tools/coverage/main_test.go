package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/internal/tools/coverage/directive"
)

func TestCoverage_isCurrent(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	out := filepath.Join(t.TempDir(), "coverage.md")
	if err := run(out, filepath.Join(root, "amo/internal/v2"), filepath.Join(root, "amo/internal/v4")); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs/coverage.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/coverage.md is stale; run make generate (-want +got):\n%s", diff)
	}
}

func TestDocument_showsBothKinds(t *testing.T) {
	t.Parallel()
	got := string(document([]directive.Operation{
		{Name: "GET /api/v4/account", Functions: []string{"v4.AccountCall"}},
		{Name: "POST /api/v2/customers#add", RPCs: []string{"A.B", "A.C"}, Functions: []string{"v2.create"}},
		{Name: "PUT /api/v2/customers", Unused: "the other does"},
	}))
	want := opening + `
## Account

| Upstream operation | API | RPCs | Described by | Test |
|---|---|---|---|---|
` + "| `GET /api/v4/account` | v4 | any, on the way | `v4.AccountCall` | `TestCoverage/GET_/api/v4/account` |" + `

## Customers

| Upstream operation | API | RPCs | Described by | Test |
|---|---|---|---|---|
` + "| `POST /api/v2/customers#add` | v2 | `A.B`, `A.C` | `v2.create` | `TestCoverage/POST_/api/v2/customers#add` |" + `

## Never called

Other paths to what is above. The emulator serves them, and counts those of API v4 by themselves: a test fails when one is
called after all.

| Upstream operation | API | Why |
|---|---|---|
` + "| `PUT /api/v2/customers` | v2 | the other does |" + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestDocument_knowsEveryResource(t *testing.T) {
	t.Parallel()
	operations, err := directive.Read("../../../amo/internal/v2", "../../../amo/internal/v4")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range operations {
		if titles[o.Resource()] == "" {
			t.Errorf("resource %q of %s has no heading", o.Resource(), o.Name)
		}
	}
}
