package keyring_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/keyring"
)

// generate makes a ring in a file.
func generate(t *testing.T) *keyring.Ring {
	t.Helper()
	r, err := keyring.Generate(filepath.Join(t.TempDir(), "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// load reads the ring of another's file anew.
func load(t *testing.T, path string) *keyring.Ring {
	t.Helper()
	r, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGenerate_makesAFileForItsOwner(t *testing.T) {
	r := generate(t)
	info, err := os.Stat(r.Path())
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %v, want 0600", got)
	}
	if len(r.IDs()) != 1 {
		t.Errorf("ids %q, want one", r.IDs())
	}
	entries, err := os.ReadDir(filepath.Dir(r.Path()))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v (%v), want the ring alone", entries, err)
	}
}

func TestGenerate_keepsAFileThatExists(t *testing.T) {
	r := generate(t)
	if _, err := keyring.Generate(r.Path()); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("Generate = %v, want fs.ErrExist", err)
	}
	if diff := cmp.Diff(r.IDs(), load(t, r.Path()).IDs()); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestLoad_refusesWhatIsNoRing(t *testing.T) {
	dir := t.TempDir()
	if _, err := keyring.Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
	for name, content := range map[string]string{
		"binary": "SQLite format 3\x00secret",
		"huge":   strings.Repeat("#", 2<<20),
		"wrong":  "k1:secret",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keyring.Load(path)
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error that names the file and shows nothing of it", name, err)
		}
	}
}

func TestRing_rotates(t *testing.T) {
	r := generate(t)
	place := keyring.Context{Table: "credentials", Account: "shop", Generation: 1}
	first, sealed, err := r.Seal(place, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	other := load(t, r.Path()) // another process

	second, err := r.Add(false)
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, r.Path()); got.Active() != first || !slices.Equal(got.IDs(), []string{first, second}) {
		t.Errorf("after Add: %q active of %q, want %q of both", got.Active(), got.IDs(), first)
	}
	if err := r.Activate(second); err != nil {
		t.Fatal(err)
	}
	id, newer, err := r.Seal(place, []byte("newer"))
	if err != nil || id != second {
		t.Fatalf("sealed with %q (%v), want %q", id, err, second)
	}
	if plain, err := other.Open(place, id, newer); err != nil || string(plain) != "newer" {
		t.Errorf("another process opens %q (%v)", plain, err)
	}
	if plain, err := r.Open(place, first, sealed); err != nil || string(plain) != "secret" {
		t.Errorf("the old key opens %q (%v)", plain, err)
	}

	if err := r.Prune(second); err == nil {
		t.Error("the active key was taken out")
	}
	if err := r.Prune(first); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(place, first, sealed); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("the pruned key: %v, want ErrUnknownKey", err)
	}
	if id, _, err := other.Seal(place, nil); err != nil || id != second {
		t.Errorf("another process seals with %q (%v), want %q: the old one is gone", id, err, second)
	}
	text, err := os.ReadFile(r.Path())
	if err != nil || !strings.HasPrefix(string(text), "# Keys") {
		t.Errorf("the comment is gone: %v", err)
	}
}

func TestRing_addsAnActiveKeyBehindALineWithoutAnEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring")
	if err := os.WriteFile(path, []byte("k1:"+keyOf(1)+"\nk2:"+keyOf(2)+" # the last"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := load(t, path)
	id, err := r.Add(true)
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, path); got.Active() != id || !slices.Equal(got.IDs(), []string{"k1", "k2", id}) {
		t.Errorf("%q active of %q, want %q", got.Active(), got.IDs(), id)
	}
	if err := r.Activate("k1"); err != nil {
		t.Fatal(err)
	}
	if got := load(t, path).Active(); got != "k1" {
		t.Errorf("%q active, want k1", got)
	}
	if err := r.Activate("k9"); err == nil || !strings.Contains(err.Error(), `"k9"`) {
		t.Errorf("a key that is not there: %v", err)
	}
}

func TestRing_losesNoKeyToTwoWriters(t *testing.T) {
	path := generate(t).Path()
	var wg sync.WaitGroup
	for range 8 {
		r := load(t, path)
		wg.Go(func() {
			if _, err := r.Add(true); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(load(t, path).IDs()); got != 9 {
		t.Errorf("%d keys, want 9", got)
	}
}

func TestRing_goesOnWhileItsFileIsBroken(t *testing.T) {
	r := generate(t)
	id := r.Active()
	if err := os.WriteFile(r.Path(), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sealedWith, _, err := r.Seal(keyring.Context{}, nil); err != nil || sealedWith != id {
		t.Errorf("sealed with %q (%v), want %q", sealedWith, err, id)
	}
	if _, err := r.Add(true); err == nil {
		t.Error("a broken file was changed")
	}
}

func TestRing_ofAVariableIsFixed(t *testing.T) {
	r := ring(t, "k1:"+keyOf(1)+",k2:"+keyOf(2))
	_, add := r.Add(true)
	for name, err := range map[string]error{"Add": add, "Activate": r.Activate("k1"), "Prune": r.Prune("k1")} {
		if !errors.Is(err, keyring.ErrFixed) {
			t.Errorf("%s = %v, want ErrFixed", name, err)
		}
	}
}

func TestRing_changesTheFileBehindALink(t *testing.T) {
	shared := generate(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(shared.Path(), link); err != nil {
		t.Fatal(err)
	}
	id, err := load(t, link).Add(true)
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, shared.Path()).Active(); got != id {
		t.Errorf("the file behind the link has the active key %q, want %q", got, id)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is none any more: %v, %v", info, err)
	}
}
