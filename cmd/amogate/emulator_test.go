package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/amogate/amogate/emulator"
)

func TestEmulator_servesAndTellsItsCredentials(t *testing.T) {
	clearEnvironment(t)
	fault := write(t, "fault.json", `{"rules":[{"match":{"operation":"unknown"},"action":{"status":418}}]}`)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		args := []string{
			"emulator", "--addr=127.0.0.1:0", "--customers=3", "--fault=" + fault, "--strict",
			"--oauth-client-secret=s3", "--ban-after=0",
		}
		code <- run(ctx, args, streams{strings.NewReader(""), writer, io.Discard})
		_ = writer.Close() // a PipeWriter's Close cannot fail
	}()
	var url, text string
	lines := bufio.NewScanner(reader)
	for !strings.Contains(text, "/__emulator/stats") && lines.Scan() {
		text += lines.Text() + "\n"
		if _, after, found := strings.Cut(lines.Text(), " on "); found {
			url = after
		}
	}
	for _, want := range []string{emulator.DefaultToken, emulator.DefaultLogin, emulator.DefaultAPIKey, "secret   s3", emulator.DefaultClientID} {
		if !strings.Contains(text, want) {
			t.Errorf("output has no %q:\n%s", want, text)
		}
	}
	get(t, url+"/api/v2/account", http.StatusUnauthorized)
	get(t, url+"/api/v2/nothing", http.StatusTeapot)
	if stats := get(t, url+"/__emulator/stats", http.StatusOK); !strings.Contains(stats, `"requests":2`) {
		t.Errorf("stats %s", stats)
	}
	pair := exchange(t, url, "s3")
	if claims := strings.Split(pair, "."); len(claims) != 3 || !strings.Contains(decode(t, claims[1]), `"api_domain":"`+strings.TrimPrefix(url, "http://")) {
		t.Errorf("access token %s does not name %s", pair, url)
	}
	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestEmulator_refuses(t *testing.T) {
	clearEnvironment(t)
	code, _, stderr := try(t, "emulator", "--addr=here", "--customers=-1", "--seed=-1", "--window=-1", "--latency=-1s",
		"--latency-per-item=-1s", "--list-delay=-1s", "--event-delay=-1s", "--seed-span=0s", "--seed-burst=-1",
		"--ban-after=-1", "--ban-span=0s", "--ban-for=-1s", "--oauth-redirect-url=here", "--access-life=999ms",
		"--refresh-life=0s", "--code-life=x", "--fault="+write(t, "fault.json", `{"rulez":[]}`))
	if code != exitConfig {
		t.Errorf("exit code %d, want %d", code, exitConfig)
	}
	for _, flag := range []string{
		"addr", "customers", "seed", "window", "latency", "latency-per-item", "list-delay", "event-delay", "seed-span",
		"seed-burst", "fault", "ban-after", "ban-span", "ban-for",
		"oauth-redirect-url", "access-life", "refresh-life", "code-life",
	} {
		if !strings.Contains(stderr, "\n  --"+flag+": ") {
			t.Errorf("nothing is told of --%s:\n%s", flag, stderr)
		}
	}
}

// exchange gets a code of the emulator at url, exchanges it and returns the
// access token.
func exchange(t *testing.T, url, secret string) string {
	t.Helper()
	var issued struct{ Code string }
	var pair struct {
		AccessToken string `json:"access_token"`
	}
	post(t, url+"/__emulator/oauth/code", nil, &issued)
	post(t, url+"/oauth2/access_token", map[string]string{
		"client_id": emulator.DefaultClientID, "client_secret": secret, "grant_type": "authorization_code",
		"code": issued.Code, "redirect_uri": emulator.DefaultRedirectURL,
	}, &pair)
	return pair.AccessToken
}

func post(t *testing.T, url string, body, to any) {
	t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // a body read to its end
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, resp.StatusCode, err)
	}
}

func decode(t *testing.T, part string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
