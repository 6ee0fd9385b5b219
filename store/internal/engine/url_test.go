package engine_test

import (
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/store/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMasked(t *testing.T) {
	for raw, want := range map[string]string{
		"sqlite:///var/lib/amogate.db":                            "sqlite:///var/lib/amogate.db",
		"postgres://db.example/amogate":                           "postgres://db.example/amogate",
		"postgres://me@db.example:6432/amogate?sslmode=require":   "postgres://me@db.example:6432/amogate?sslmode=require",
		"postgres://me:secret@db.example/amogate":                 "postgres://me:***@db.example/amogate",
		"postgres://me:@db.example/amogate":                       "postgres://me:***@db.example/amogate",
		"postgres://me:s%40c%2Fret@db.example/amogate":            "postgres://me:***@db.example/amogate",
		"postgres://h/db?user=me&password=secret&sslmode=disable": "postgres://h/db?user=me&password=***&sslmode=disable",
		"postgres://h/db?pass%77ord=secret&SSLPassword=secret":    "postgres://h/db?pass%77ord=***&SSLPassword=***",
		"postgres://me:12/ret@db.example/amogate":                 "postgres:…",
		"postgres://me:12?ret@db.example/amogate":                 "postgres:…",
		"postgres://me:12#ret@db.example/amogate":                 "postgres:…",
		"postgres://me:sec/ret@db.example/amogate":                "postgres:…",
		"postgres://me:secret@db.example:port/amogate":            "postgres:…",
		"host=db.example user=me password=secret":                 "…",
		"postgres:me:secret":                                      "postgres:…",
	} {
		if got := engine.Masked(raw); got != want {
			t.Errorf("Masked(%q) = %q, want %q", raw, got, want)
		}
	}
}

func FuzzMasked(f *testing.F) {
	f.Add("me", "hunter2/%", "db.example:5432", "amogate", "sslmode=require")
	f.Add("", "/1?2#3@4", "", "", "password=y")
	f.Fuzz(func(t *testing.T, user, pass, host, database, query string) {
		const canary = "c4n4ry"
		for _, raw := range []string{
			(&url.URL{Scheme: "postgres", User: url.UserPassword(user, canary), Host: host, Path: "/" + database, RawQuery: query}).String(),
			"postgres://" + user + ":" + pass + canary + "@" + host + "/" + database + "?" + query,
			"postgres://" + user + ":" + canary + pass + "@" + host + "/" + database + "?" + query,
			"postgres://h/db?password=" + canary + url.QueryEscape(pass) + "&" + query,
		} {
			if shown := engine.Masked(raw); strings.Contains(shown, canary) {
				t.Errorf("Masked(%q) = %q", raw, shown)
			}
		}
	})
}

func TestParse_findsTheFile(t *testing.T) {
	for _, c := range []struct{ url, dir, file string }{
		{"sqlite:", "data", "data/amogate.db"},
		{"sqlite://", "/var/lib/amogate", "/var/lib/amogate/amogate.db"},
		{"sqlite:///srv/x.db", "data", "/srv/x.db"},
		{"sqlite:///srv/with%20space%3F.db", "", "/srv/with space?.db"},
	} {
		if got, err := engine.Parse(c.url, c.dir); err != nil || got != (engine.Place{File: c.file}) {
			t.Errorf("%s: %+v, %v; want %s", c.url, got, err, c.file)
		}
	}
	const database = "postgresql://me:s%40cret@db/amogate?sslmode=require"
	if got, err := engine.Parse(database, "data"); err != nil || got != (engine.Place{URL: database}) {
		t.Errorf("%+v, %v", got, err)
	}
}
