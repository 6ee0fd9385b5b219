package emulator

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAccountContainers checks which parts are lists and which are objects, as recorded and as documented.
func TestAccountContainers(t *testing.T) {
	const all = "/api/v2/account?with=custom_fields,users,pipelines,groups,note_types,task_types"
	recorded := map[string]string{
		"custom_fields": "object", "custom_fields/contacts": "object", "custom_fields/companies": "object",
		"custom_fields/customers": "object", "custom_fields/leads": "list", "custom_fields/catalogs": "list",
		"users": "object", "pipelines": "object", "groups": "list", "note_types": "object", "task_types": "object",
		"custom_fields/customers/1250007/enums": "object",
	}
	documented := map[string]string{
		"custom_fields": "object", "custom_fields/contacts": "list", "custom_fields/companies": "list",
		"custom_fields/customers": "list", "custom_fields/leads": "list", "custom_fields/catalogs": "list",
		"users": "object", "pipelines": "object", "groups": "list", "note_types": "list", "task_types": "list",
		"custom_fields/customers/3/enums": "list",
	}
	for _, test := range []struct {
		name   string
		config Config
		want   map[string]string
	}{{"recorded", Config{}, recorded}, {"documented", Config{DocumentedAccount: true}, documented}} {
		t.Run(test.name, func(t *testing.T) {
			flat := flatten(t, ask(t, open(t, test.config), http.MethodGet, all, "").body)
			for path, kind := range test.want {
				if got := flat["/_embedded/"+path+"/"]; got != kind {
					t.Errorf("%s is %v, want %s", path, got, kind)
				}
			}
		})
	}
}

func TestRightsOfUsers(t *testing.T) {
	for _, documented := range []bool{false, true} {
		e := open(t, Config{DocumentedAccount: documented})
		flat := flatten(t, ask(t, e, http.MethodGet, "/api/v2/account?with=users", "").body)
		const rights = "/_embedded/users/7204833/rights/"
		if flat[rights+"lead_view"] != "A" {
			t.Errorf("documented %v: lead_view is %v", documented, flat[rights+"lead_view"])
		}
		if got := flat[rights+"task_edit"] == "A"; got == documented { // recorded only
			t.Errorf("documented %v: task_edit %v", documented, got)
		}
	}
}

func TestAccountFields(t *testing.T) {
	e := open(t, Config{})
	flat := flatten(t, ask(t, e, http.MethodGet, "/api/v2/account?with=custom_fields", "").body)
	for path, want := range map[string]any{
		"/id": 30117249.0, "/timezone": "Europe/Moscow", "/timezone_offset": "+03:00", "/currency": "RUB", "/language": "ru",
		"/current_user": 7204833.0, "/date_pattern/date": "d.m.Y", "/subdomain": "example",
	} {
		if flat[path] != want {
			t.Errorf("%s is %v, want %v", path, flat[path], want)
		}
	}
	types := map[float64]bool{}
	for _, f := range e.Fields() {
		types[float64(f.Type)] = true
	}
	for kind := 1.0; kind <= 19; kind++ {
		if want := kind != 12 && kind != 18; types[kind] != want {
			t.Errorf("field type %v is there: %v", kind, types[kind])
		}
	}
	if _, ok := flat["/_embedded/users/"]; ok {
		t.Error("users nobody asked for")
	}
}

func TestAccountWithoutPartsHasNoEmbedded(t *testing.T) {
	var doc map[string]any
	a := ask(t, open(t, Config{}), http.MethodGet, "/api/v2/account?with=unknown", "")
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	if _, ok := doc["_embedded"]; ok {
		t.Errorf("%s", a.body)
	}
}

func TestFreeUsersOnlyWhenAskedFor(t *testing.T) {
	e := open(t, Config{})
	count := func(query string) int {
		users, ok := embedded(t, ask(t, e, http.MethodGet, "/api/v2/account?with=users"+query, ""))["users"].(map[string]any)
		if !ok {
			t.Fatal("users are not an object")
		}
		return len(users)
	}
	if diff := cmp.Diff([]int{3, 4, 3}, []int{count(""), count("&free_users=Y"), count("&free_users=N")}); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
}

func TestAddFieldRefusesTypesCustomersLack(t *testing.T) {
	e := open(t, Config{})
	for _, f := range []Field{{ID: 0, Type: FieldText}, {ID: 1, Type: 0}, {ID: 1, Type: 12}, {ID: 1, Type: 18}, {ID: 1, Type: 20}} {
		if e.AddField(f) == nil {
			t.Errorf("accepted %+v", f)
		}
	}
}
