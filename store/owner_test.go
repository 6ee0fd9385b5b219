package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store"
	"github.com/amogate/amogate/store/storetest"
)

// ownerVariable makes the test binary the owner of the store that it names.
const ownerVariable = "AMOGATE_TEST_OWNER"

func TestMain(m *testing.M) {
	if url := os.Getenv(ownerVariable); url != "" {
		if err := own(context.Background(), url); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// own opens a store and adds accounts, telling of each that is durable, until it
// is killed or has nobody to tell.
func own(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url, store.Options{Settings: storetest.Settings(), AdminAddr: "127.0.0.1:9464"})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		name := fmt.Sprintf("shop-%d", i)
		err := s.CreateAccount(ctx, account.Record{Name: name}, custody.KindToken, custody.Sealed{Generation: 1, KeyID: "k", Data: []byte(name)})
		if err != nil {
			return err
		}
		if _, err := fmt.Println(name); err != nil {
			return err
		}
	}
}

func TestSQLite_hasOneOwner(t *testing.T) {
	url := file(t)
	kept := 0
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // This binary.
		cmd.Env = append(os.Environ(), ownerVariable+"="+url)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "shop-") && !strings.Contains(lines.Text(), "exists") {
			t.Fatalf("the owner says %q", lines.Text())
		}
		if round == 0 {
			began := time.Now()
			_, err = store.Open(t.Context(), url, store.Options{Settings: storetest.Settings()})
			var held *store.HeldError
			if !errors.As(err, &held) || held.PID != cmd.Process.Pid || held.AdminAddr != "127.0.0.1:9464" {
				t.Errorf("a second owner: %v, want one that names process %d", err, cmd.Process.Pid)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v", took)
			}
			for range 20 {
				lines.Scan()
				kept++
			}
			kept++ // The first.
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // It was killed.

		s := open(t, url)
		accounts, err := s.Accounts(t.Context())
		if err != nil || len(accounts) < kept {
			t.Errorf("%d accounts of %d that were told of, %v", len(accounts), kept, err)
		}
		// The next owner adds the same names.
		for _, a := range accounts {
			if err := s.RemoveAccount(t.Context(), a.Name); err != nil {
				t.Fatal(err)
			}
		}
		kept = 0
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
