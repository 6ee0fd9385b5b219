package amo

import (
	"slices"
	"strings"
	"testing"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
)

// expressible returns the condition of a write that these generations can express.
func expressible(generations ...Generation) func(Generation) bool {
	return func(g Generation) bool { return slices.Contains(generations, g) }
}

func TestRoute_choosesTheGeneration(t *testing.T) {
	tests := map[string]struct {
		resource string
		op       driver.Op
		asked    asked
		want     Generation
	}{
		"a list without a filter":                {"customers", driver.OpList, asked{}, V4},
		"a filter that the account has paid for": {"customers", driver.OpList, asked{filtered: true, filters: true}, V4},
		"a filter that v4 would ignore":          {"customers", driver.OpList, asked{filtered: true}, V2},
		"a customer":                             {"customers", driver.OpCreate, asked{paths: []string{"name"}, fits: expressible(V2, V4)}, V4},
		"a customer with contacts":               {"customers", driver.OpCreate, asked{paths: []string{"contact_ids", "name"}, fits: expressible(V2)}, V2},
		"a customer with contacts and segments":  {"customers", driver.OpCreate, asked{paths: []string{"contact_ids", "segments"}, fits: expressible()}, V2},
		"an update":                              {"customers", driver.OpUpdate, asked{paths: []string{"name"}, fits: expressible(V2, V4)}, V4},
		"an update with a condition":             {"customers", driver.OpUpdate, asked{paths: []string{"name"}, conditional: true, fits: expressible(V2, V4)}, V2},
		"a condition on what v2 cannot write":    {"customers", driver.OpUpdate, asked{paths: []string{"segments"}, conditional: true, fits: expressible(V4)}, V4},
		"an update of links":                     {"customers", driver.OpUpdate, asked{paths: []string{"company_id"}, fits: expressible(V2, V4)}, V2},
		"an update of links and segments":        {"customers", driver.OpUpdate, asked{paths: []string{"company_id", "segments"}, fits: expressible(V4)}, V4},
		"an organisation alone":                  {"customers", driver.OpUpdate, asked{paths: []string{"custom_fields"}, organisations: true, fits: expressible(V2, V4)}, V2},
		"an organisation with more":              {"customers", driver.OpUpdate, asked{paths: []string{"custom_fields", "name"}, organisations: true, fits: expressible(V2, V4)}, V4},
		"links beside keys of v4":                {"customers", driver.OpUpdate, asked{paths: []string{"company_id", "custom_fields"}, foreign: true, fits: expressible(V2, V4)}, V4},
		"a condition beside keys of v4":          {"customers", driver.OpUpdate, asked{paths: []string{"custom_fields"}, foreign: true, conditional: true, fits: expressible(V2, V4)}, V4},
		"what only v2 can express":               {"customers", driver.OpUpdate, asked{paths: []string{"name"}, fits: expressible(V2)}, V2},
		"content that only v2 takes":             {"notes", driver.OpCreate, asked{paths: []string{"call"}, fits: expressible(V2)}, V2},
		"a deletion":                             {"customers", driver.OpDelete, asked{}, V2},
		"transactions are written over v2":       {"transactions", driver.OpCreate, asked{paths: []string{"price"}, fits: expressible(V2, V4)}, V2},
		"a price with parts of a unit":           {"transactions", driver.OpCreate, asked{paths: []string{"price"}, fits: expressible(V4)}, V4},
		"transactions that neither can write":    {"transactions", driver.OpCreate, asked{paths: []string{"price"}, fits: expressible()}, V2},
		"a comment":                              {"transactions", driver.OpUpdate, asked{paths: []string{"comment"}, fits: expressible(V2)}, V2},
		"notes":                                  {"notes", driver.OpList, asked{}, V4},
		"notes of tasks":                         {"task_notes", driver.OpList, asked{}, V2},
		"a change of a note with a condition":    {"notes", driver.OpUpdate, asked{paths: []string{"text"}, conditional: true, fits: expressible(V2, V4)}, V2},
		"periods":                                {periodsName, driver.OpList, asked{}, V2},
		"statuses":                               {"customer_statuses", driver.OpCreate, asked{}, V4},
		"segments":                               {"customer_segments", driver.OpDelete, asked{}, V4},
		"bonus points":                           {bonusPointsName, driver.OpUpdate, asked{}, V4},
	}
	b := newAutoBench(t, emulator.Config{}, Config{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := b.client.route(test.resource, test.op, test.asked)
			if err != nil || got != test.want {
				t.Errorf("route = %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestRoute_forcedGenerationsServeWhatTheyHave(t *testing.T) {
	for _, r := range routes {
		b := newBench(t, emulator.Config{}, Config{Generation: r.generation})
		got, err := b.client.route(r.resource, r.op, asked{filtered: true, fits: expressible()})
		if err != nil || got != r.generation {
			t.Errorf("%s.%s over %s: %v, %v", r.resource, r.op, r.generation, got, err)
		}
	}
	b := newBench(t, emulator.Config{}, Config{Generation: V4})
	_, err := b.client.route("customers", driver.OpDelete, asked{})
	if e := asError(err); e.Kind != KindUnsupported || e.Generation != V4 || e.Op != "customers.delete" || !strings.Contains(e.Message, "--upstream-api=auto") {
		t.Errorf("delete over v4: %v, want KindUnsupported with the remedy", err)
	}
}

// Only API v2 takes a login with a key.
func TestRoute_aSessionIsServedOverV2(t *testing.T) {
	b := newAutoBench(t, emulator.Config{}, Config{Auth: testSession})
	for _, r := range routes {
		got, err := b.client.route(r.resource, r.op, asked{fits: expressible()})
		served := false
		for _, other := range routes {
			served = served || other.resource == r.resource && other.op == r.op && other.generation == V2
		}
		if served && (err != nil || got != V2) {
			t.Errorf("%s.%s: %v, %v, want v2", r.resource, r.op, got, err)
		}
		if e := asError(err); !served && (e.Kind != KindUnsupported || !strings.Contains(e.Message, "token")) {
			t.Errorf("%s.%s: %v, want KindUnsupported that asks for a token", r.resource, r.op, err)
		}
	}
}

func TestRoutes_tellTheirReasons(t *testing.T) {
	for _, r := range routes {
		if r.reason == "" {
			t.Errorf("%s.%s over %s has no reason", r.resource, r.op, r.generation)
		}
	}
}
