package directive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/internal/tools/coverage/directive"
)

func write(t *testing.T, name, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRead_mergesAndSorts(t *testing.T) {
	t.Parallel()
	got, err := directive.Read(write(t, "codec.go", `package v4

// list asks.
//
//amogate:operation GET /api/v4/customers rpc=Customers.List
func list() {}

//amogate:operation GET /api/v4/customers rpc=Customers.Get,Customers.List
//amogate:unused GET /api/v4/customers/all nobody needs all
func (c *codec) get() {}

//amogate:operation POST /api/v2/customers#add rpc=Customers.Create
func create() {}

//amogate:operation GET /api/v4/account rpc=*
func account() {}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []directive.Operation{
		{Name: "GET /api/v4/account", Functions: []string{"v4.account"}},
		{Name: "POST /api/v2/customers#add", RPCs: []string{"Customers.Create"}, Functions: []string{"v4.create"}},
		{Name: "GET /api/v4/customers", RPCs: []string{"Customers.Get", "Customers.List"}, Functions: []string{"v4.codec.get", "v4.list"}},
		{Name: "GET /api/v4/customers/all", Functions: []string{"v4.codec.get"}, Unused: "nobody needs all"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

func TestRead_refuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"no directive":       {"package v4\n", "no directive"},
		"no rpc":             {"package v4\n\n//amogate:operation GET /api/v4/account rpc=\nfunc f() {}\n", "cannot read"},
		"a space in the rpc": {"package v4\n\n//amogate:operation GET /api/v4/account rpc=A.B, C.D\nfunc f() {}\n", "cannot read"},
		"no reason":          {"package v4\n\n//amogate:unused GET /api/v4/account\nfunc f() {}\n", "cannot read"},
		"another directive":  {"package v4\n\n//amogate:operations GET /api/v4/account rpc=*\nfunc f() {}\n", "cannot read"},
		"no function":        {"package v4\n\n//amogate:operation GET /api/v4/account rpc=*\nvar v int\n", "above no function"},
		"used and unused": {
			"package v4\n\n//amogate:operation GET /api/v4/account rpc=*\n//amogate:unused GET /api/v4/account not needed\nfunc f() {}\n",
			"used here and unused there",
		},
		"no Go": {"package\n", "expected"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := directive.Read(write(t, "codec.go", test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}
