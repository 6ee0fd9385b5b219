package keyring_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/keyring"
)

func TestParse_choosesTheActiveKey(t *testing.T) {
	for _, test := range []struct {
		name, text, active string
		ids                []string
	}{
		{"one", "k1:" + keyOf(1), "k1", []string{"k1"}},
		{"the last", "k1:" + keyOf(1) + "\nk2:" + keyOf(2) + "\n", "k2", []string{"k1", "k2"}},
		{"the marked", "*k1:" + keyOf(1) + "\nk2:" + keyOf(2) + "\n", "k1", []string{"k1", "k2"}},
		{"commas", "k1:" + keyOf(1) + ",k2:" + keyOf(2), "k2", []string{"k1", "k2"}},
		{"comments and blanks", "# old: see the wiki\r\n\r\n  k1 : " + keyOf(1) + "  # first\r\n\t*k.2_b-c:" + keyOf(2) + "\n", "k.2_b-c", []string{"k1", "k.2_b-c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := ring(t, test.text)
			if got := r.Active(); got != test.active {
				t.Errorf("active is %q, want %q", got, test.active)
			}
			if diff := cmp.Diff(test.ids, r.IDs()); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_namesLineAndRemedyWithoutTheKey(t *testing.T) {
	long := strings.Repeat("k", 41)
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"there is no key", "ID:KEY"}},
		{"comment", "# nothing", []string{"there is no key"}},
		{"no colon", keyOf('S'), []string{"line 1", "colon", "ID:KEY"}},
		{"no id", ":" + keyOf('S'), []string{"line 1", "id"}},
		{"odd id", "K 1:" + keyOf('S'), []string{"line 1", "id"}},
		{"long id", long + ":" + keyOf('S'), []string{"line 1", "id"}},
		{"not base64", "k1:" + keyOf('S')[:40] + "%%%%", []string{"line 1", `"k1"`, "base64"}},
		{"short key", "k0:" + keyOf(0) + "\nk1:U1NT", []string{"line 2", `"k1"`, "3 bytes", "urandom"}},
		{"twice", "k1:" + keyOf('S') + "\n\nk1:" + keyOf(2), []string{"line 3", "id", "another"}},
		{"two marks", "*k1:" + keyOf('S') + "\n*k2:" + keyOf(2), []string{"line 2", "mark"}},
		{"all at once", "nothing\nk1:U1NT", []string{"line 1", "line 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := keyring.Parse(test.text)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "U1NT") {
				t.Errorf("%q shows the key", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("k1:" + keyOf(1))
	f.Add("# c\n*k1:" + keyOf(1) + ",k2:" + keyOf(2))
	f.Add("k1:%%%\n:\n*")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := keyring.Parse(text)
		if err != nil {
			return
		}
		if !slices.Contains(r.IDs(), r.Active()) {
			t.Fatalf("the active key %q is none of %q", r.Active(), r.IDs())
		}
		id, sealed, err := r.Seal(keyring.Context{}, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := r.Open(keyring.Context{}, id, sealed); err != nil || string(plain) != "x" {
			t.Fatalf("opened %q: %v", plain, err)
		}
	})
}
