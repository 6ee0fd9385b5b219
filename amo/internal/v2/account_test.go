package v2_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestAccountCall(t *testing.T) {
	t.Parallel()
	want := driver.Call{Name: "account.get", Method: "GET", Path: "/api/v2/account", Query: url.Values{"with": {"custom_fields"}}}
	if diff := cmp.Diff(want, v2.AccountCall()); diff != "" {
		t.Error(diff)
	}
}

// Recorded answers have objects where the documents have lists; both tell the
// same.
func TestDecodeAccount_readsBothForms(t *testing.T) {
	t.Parallel()
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	want := &driver.Env{
		AccountID: 13667499,
		Location:  moscow,
		Currency:  "RUB",
		Fields: map[string]driver.Catalogue{
			"leads":     {},
			"companies": {},
			"contacts": {4399649: {
				ID: 4399649, Name: "Phone", Code: "PHONE", TypeCode: "8",
				Type:    amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTITEXT,
				Options: map[int64]string{3691615: "WORK", 3691619: "MOB"},
			}},
			"customers": {
				4400017: {ID: 4400017, Name: "Remarks", TypeCode: "1", Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXT},
				4400021: {
					ID: 4400021, Name: "Multi-select", TypeCode: "5",
					Type:    amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTISELECT,
					Options: map[int64]string{3692471: "3", 3692472: `4 "four"`},
				},
				// A type that is not known here.
				4400099: {ID: 4400099, Name: "Orbit", TypeCode: "77"},
			},
		},
	}
	sameZone := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	// Only the recorded answer tells whose credentials they are.
	for file, user := range map[string]int64{"account_recorded.json": 504141, "account_documented.json": 0} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			want := *want
			want.UserID = user
			got, err := v2.DecodeAccount(readTestdata(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, sameZone); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeAccount_timeZone(t *testing.T) {
	t.Parallel()
	winter := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		zone, offset string
		want         int
		fails        bool
	}{
		{zone: "Europe/Moscow", offset: "+05:00", want: 3 * 3600},
		{zone: "Mars/Olympus", offset: "+05:30", want: 5*3600 + 1800},
		{zone: "", offset: "-03:00", want: -3 * 3600},
		{zone: "Local", offset: "+0700", want: 7 * 3600},
		{zone: "", offset: "Z", want: 0},
		{zone: "", offset: "", fails: true},
		{zone: "../../etc/passwd", offset: "late", fails: true},
	} {
		env, err := v2.DecodeAccount([]byte(`{"id":1,"timezone":"` + c.zone + `","timezone_offset":"` + c.offset + `"}`))
		if c.fails {
			wantKind(t, err, driver.KindBadResponse)
			continue
		}
		if err != nil {
			t.Errorf("%q %q: %v", c.zone, c.offset, err)
			continue
		}
		if _, got := winter.In(env.Location).Zone(); got != c.want {
			t.Errorf("%q %q: got %d seconds, want %d", c.zone, c.offset, got, c.want)
		}
	}
}

func TestDecodeAccount_emptyContainers(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{
		``, `,"_embedded":[]`, `,"_embedded":{}`, `,"_embedded":{"custom_fields":[]}`,
		`,"_embedded":{"custom_fields":{"customers":[],"contacts":{},"leads":null}}`,
	} {
		env, err := v2.DecodeAccount([]byte(`{"id":1,"timezone":"Europe/Moscow","currency":null` + rest + `}`))
		if err != nil {
			t.Errorf("%s: %v", rest, err)
			continue
		}
		for _, resource := range []string{"customers", "leads", "contacts", "companies"} {
			if catalogue, ok := env.Fields[resource]; !ok || len(catalogue) != 0 {
				t.Errorf("%s: %s is %v", rest, resource, catalogue)
			}
		}
	}
}

func TestDecodeAccount_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `{}`, `[]`, page, `{"id":1`,
		`{"id":0,"timezone":"UTC"}`,
		`{"id":1,"timezone":"UTC","_embedded":{"custom_fields":{"customers":[{"name":"x"}]}}}`,
		`{"id":1,"timezone":"UTC","_embedded":{"custom_fields":{"customers":["x"]}}}`,
		`{"id":1,"timezone":"UTC","_embedded":{"custom_fields":{"customers":[{"id":5,"enums":{"x":"y"}}]}}}`,
		`{"id":1,"timezone":"UTC","_embedded":{"custom_fields":{"customers":[{"id":5,"enums":"x"}]}}}`,
	} {
		env, err := v2.DecodeAccount([]byte(body))
		e := asError(t, err, driver.KindBadResponse)
		if env != nil || e.Op != "account.get" {
			t.Errorf("%s: got %v, operation %q", body, env, e.Op)
		}
	}
}
