package custody_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// pending returns the directory of a journal with one pair that the store has not
// taken, and a bench whose store works again.
func pending(t *testing.T) (b *bench, dir string) {
	t.Helper()
	b = newBench(t, newIssuer(false))
	dir = t.TempDir()
	store := &down{}
	b.Before = store.before
	journal := b.journal(dir)
	k := b.keeper(func(c *custody.Config) {
		c.Journal = journal
		c.Step = func(p custody.Point) {
			if p == custody.AfterCall {
				store.set(true)
			}
		}
	})
	time.Sleep(14 * time.Hour)
	b.want(k, 1)
	synctest.Wait()
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	store.set(false)
	return b, dir
}

// files returns the journals of a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "journal-*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestJournal_isSealedAndForItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, dir := pending(t)
		paths := files(t, dir)
		if len(paths) != 1 {
			t.Fatalf("files %q, want one", paths)
		}
		info, err := os.Stat(paths[0])
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
		}
		text, err := os.ReadFile(paths[0])
		if err != nil || !bytes.Contains(text, []byte(account)) {
			t.Fatalf("the journal holds %q (%v)", text, err)
		}
		for _, secret := range []string{pair(1).Access, pair(1).Refresh, pair(2).Access, pair(2).Refresh} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("the journal shows %s", secret)
			}
		}
	})
}

func TestJournal_survivesACutAndDamage(t *testing.T) {
	for name, damage := range map[string]struct {
		change func(text []byte) []byte
		keeps  bool
	}{
		"a cut line behind":   {func(text []byte) []byte { return append(text, text[:len(text)/2]...) }, true},
		"garbage around":      {func(text []byte) []byte { return []byte("garbage\n" + string(text) + "\x00\xff{}") }, true},
		"the entry twice":     {func(text []byte) []byte { return append(text, text...) }, true},
		"the entry cut":       {func(text []byte) []byte { return text[:len(text)-3] }, false},
		"a bit flipped":       {func(text []byte) []byte { text[len(text)/2] ^= 1; return text }, false},
		"another account's":   {func(text []byte) []byte { return bytes.ReplaceAll(text, []byte(account), []byte("shoq")) }, false},
		"nothing but a break": {func([]byte) []byte { return []byte("\n") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, dir := pending(t)
				path := files(t, dir)[0]
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage.change(text), 0o600); err != nil {
					t.Fatal(err)
				}
				j := b.journal(dir)
				if got := j.Pending() == 1; got != damage.keeps {
					t.Errorf("%d pending, want the pair: %v", j.Pending(), damage.keeps)
				}
				restored, err := j.Replay(t.Context(), b.Store)
				if (restored == 1) != damage.keeps || err != nil {
					t.Errorf("Replay = %d, %v, want the pair: %v", restored, err, damage.keeps)
				}
			})
		})
	}
}

func TestJournal_takesOverTheDeadAndLeavesTheLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := pending(t)
		first := b.journal(dir)
		if got := first.Pending(); got != 1 {
			t.Fatalf("%d pending, want the one of the process before", got)
		}
		second := b.journal(dir)
		if got := second.Pending(); got != 0 {
			t.Errorf("%d pending, want none: its process lives", got)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if restored, err := second.Replay(t.Context(), b.Store); restored != 1 || err != nil {
			t.Errorf("Replay = %d, %v, want the pair of the one that has died meanwhile", restored, err)
		}
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		if got := files(t, dir); len(got) != 0 {
			t.Errorf("files %q are left", got)
		}
	})
}

func TestJournal_waitsWhileAnotherHoldsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := pending(t)
		time.Sleep(time.Minute) // the lease of the dead process has ended
		r, ok, err := b.Lease(t.Context(), account, 1, "another", defaults.Lease)
		if !ok || err != nil || !r.Unsettled {
			t.Fatalf("Lease = %v, %v, unsettled %v", ok, err, r.Unsettled)
		}
		j := b.journal(dir)
		if restored, err := j.Replay(t.Context(), b.Store); restored != 0 || err != nil || j.Pending() != 1 {
			t.Errorf("Replay = %d, %v with %d pending, want it to wait", restored, err, j.Pending())
		}
		if ids := j.KeyIDs(); len(ids) != 1 || ids[0] != "k1" {
			t.Errorf("keys %q, want the one that seals the pair", ids)
		}
		time.Sleep(defaults.Lease)
		if restored, err := j.Replay(t.Context(), b.Store); restored != 1 || err != nil || j.Pending() != 0 {
			t.Errorf("Replay = %d, %v with %d pending, want the pair restored", restored, err, j.Pending())
		}
		b.want(b.keeper(), 2)
	})
}

func TestJournal_forgetsTheRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := pending(t)
		b.Remove(account)
		j := b.journal(dir)
		if restored, err := j.Replay(t.Context(), b.Store); restored != 0 || err != nil || j.Pending() != 0 {
			t.Errorf("Replay = %d, %v with %d pending, want it forgotten", restored, err, j.Pending())
		}
	})
}

func TestJournal_keepsWhatTheStoreDoesNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, dir := pending(t)
		store := &down{on: true}
		b.Before = store.before
		j := b.journal(dir)
		if _, err := j.Replay(t.Context(), b.Store); err == nil || j.Pending() != 1 {
			t.Errorf("Replay = %v with %d pending", err, j.Pending())
		}
	})
}

func TestJournal_doesNotGrowWithRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		dir := t.TempDir()
		journal := b.journal(dir)
		k := b.keeper(func(c *custody.Config) { c.Journal = journal })
		for n := range 500 {
			b.want(k, n+1)
			k.Accepted(int64(n + 1))
			if err := k.Renew(t.Context(), int64(n+1)); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(files(t, dir)[0])
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte(account)); n > 110 {
			t.Errorf("%d lines after 500 refreshes of one account", n)
		}
		if got := journal.Pending(); got != 0 {
			t.Errorf("%d pending", got)
		}
	})
}

func TestOpenJournal_saysWhyItCannot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := custody.OpenJournal(path); err == nil || !strings.Contains(err.Error(), "journal") {
		t.Errorf("OpenJournal = %v, want an error that names the journal", err)
	}
}

// A pair that is restored is as young as a stranger's: those behind it would be
// taken for pairs of other credentials.
func TestJournal_givesTheNewestBackFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		dead := t.TempDir()
		before := b.record()
		for n := range int64(2) {
			dir := t.TempDir()
			journal := b.journal(dir)
			k := b.keeper(func(c *custody.Config) { c.Journal = journal })
			time.Sleep(time.Hour)
			if err := k.Renew(t.Context(), n+1); err != nil {
				t.Fatal(err)
			}
			// The process dies and leaves its journal.
			for _, path := range files(t, dir) {
				text, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(filepath.Join(dead, filepath.Base(path)), text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			// The keys rotate: the next refresh replaces another ciphertext.
			r := b.record()
			secret, err := custody.Open(b.ring, r)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := custody.Seal(b.ring, account, r.Generation, secret, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := b.Reseal(t.Context(), account, r.Generation, r.KeyID, sealed); !ok || err != nil {
				t.Fatalf("Reseal = %t, %v", ok, err)
			}
		}
		time.Sleep(time.Minute)
		b.Rollback(before) // a server without the last commits takes over
		next := b.journal(dead)
		if _, err := next.Replay(t.Context(), b.Store); err != nil {
			t.Fatal(err)
		}
		if r := b.record(); r.Generation != 3 {
			t.Errorf("generation %d, want the newest", r.Generation)
		}
	})
}
