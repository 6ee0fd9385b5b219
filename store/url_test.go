package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/amogate/amogate/store"
	"github.com/amogate/amogate/store/storetest"
)

func TestOpen_saysWhatIsWrongWithAURL(t *testing.T) {
	for _, c := range []struct{ url, problem string }{
		{"", "want sqlite:///path/amogate.db"},
		{"amogate.db", "want sqlite:///path/amogate.db"},
		{"/var/lib/amogate.db", "want sqlite:///path/amogate.db"},
		{"mysql://root@localhost/amogate", "unknown engine"},
		{"sqlite://amogate.db", "three slashes"},
		{"sqlite://user:hunter2@/x.db", "three slashes"},
		{"sqlite:amogate.db", "absolute path"},
		{"sqlite:///amogate.db?mode=ro", "no options"},
		{"sqlite:///data/", "ends with a slash"},
		{"sqlite:", "no --data-dir"},
		{"sqlite://", "no --data-dir"},
		{"postgres:amogate", "want postgres://user@host/database"},
		{"postgres:/host/amogate", "want postgres://user@host/database"},
		{"postgres://user:hunter2/%@host/amogate", "as %XX"},
		{"postgres://user:12/hunter2@host/amogate", "as %XX"},
		{"postgres://user:hunter2@host:port/amogate", "as %XX"},
		{"postgres://user:hunter2@host:99999/amogate", "port and the options"},
		{"postgres://user:hunter2@host/amogate?sslmode=perhaps", "port and the options"},
		{"postgres://user@host/amogate?password=hunter2&sslmode=perhaps", "port and the options"},
		{"postgres://user:hunter2@host/amogate?sslrootcert=/nowhere/at/all", "port and the options"},
		{"postgres://user:hunter2@host/amogate?pool_max_conns=many", "port and the options"},
	} {
		for what, err := range map[string]error{
			"open":    openError(t, c.url),
			"pending": pendingError(t, c.url),
		} {
			var wrong *store.URLError
			switch {
			case !errors.As(err, &wrong):
				t.Errorf("%s %q: %v, want a *store.URLError", what, c.url, err)
			case !strings.Contains(err.Error(), c.problem) || !strings.Contains(err.Error(), "--store"):
				t.Errorf("%s %q: %v, want %q and the setting's name", what, c.url, err, c.problem)
			case strings.Contains(err.Error(), "hunter2"):
				t.Errorf("%s %q: the error shows the password: %v", what, c.url, err)
			}
		}
	}
}

func openError(t *testing.T, url string) error {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{Settings: storetest.Settings()})
	if err == nil {
		return s.Close()
	}
	if s != nil {
		t.Errorf("%q: a store that is not nil beside the error %v", url, err)
	}
	return err
}

func pendingError(t *testing.T, url string) error {
	t.Helper()
	_, err := store.Pending(t.Context(), url, store.Options{Settings: storetest.Settings()})
	return err
}
