package readme

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// curl is as much of curl as the documents use, for machines that have Go and
// no curl.
func curl(args []string, stdout, stderr io.Writer) int {
	if err := tryCurl(args, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "curl: %v\n", err)
		return 2
	}
	return 0
}

func tryCurl(args []string, stdout io.Writer) error {
	method, url, data := "", "", ""
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; arg {
		case "-s", "-N", "-sN":
		case "-X", "-d", "-H":
			if i++; i == len(args) {
				return fmt.Errorf("%s needs a value", arg)
			}
			switch arg {
			case "-X":
				method = args[i]
			case "-d":
				data = args[i]
			default:
				name, value, _ := strings.Cut(args[i], ":")
				header.Set(name, strings.TrimSpace(value))
			}
		default:
			if strings.HasPrefix(arg, "-") || url != "" {
				return fmt.Errorf("%q is not known to this curl", arg)
			}
			url = arg
		}
	}
	if method == "" && data != "" {
		method = http.MethodPost
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(data))
	if err != nil {
		return err
	}
	req.Header = header
	if data != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(stdout, resp.Body)
	return err
}

func TestCurl_sendsAsTheRealOne(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("Amogate-Account"), body) //nolint:gosec // nobody looks at it in a browser
	}))
	t.Cleanup(func() {
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	address := strings.TrimPrefix(server.URL, "http://")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-s", address + "/v1?a=b"}, "GET /v1?a=b   "},
		{[]string{"-sN", server.URL}, "GET /   "},
		{[]string{"-s", address, "-d", "{}"}, "POST / application/x-www-form-urlencoded  {}"},
		{[]string{"-s", "-X", "PATCH", address, "-d", "{}", "-H", "Amogate-Account: default"}, "PATCH / application/x-www-form-urlencoded default {}"},
	} {
		var stdout, stderr bytes.Buffer
		if code := curl(c.args, &stdout, &stderr); code != 0 || stdout.String() != c.want {
			t.Errorf("%q: got %d, %q and %q, want %q", c.args, code, stdout.String(), stderr.String(), c.want)
		}
	}
	for _, args := range [][]string{{"-s", "--fail", address}, {address, address}, {address, "-d"}, {"127.0.0.1:0"}} {
		if code := curl(args, io.Discard, io.Discard); code == 0 {
			t.Errorf("%q: got 0", args)
		}
	}
}
