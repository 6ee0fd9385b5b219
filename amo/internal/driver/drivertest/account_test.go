package drivertest_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"testing"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
)

// account is an emulated account that refuses whatever the service would ignore.
type account struct {
	*emulator.Emulator
	transport http.RoundTripper
}

func newAccount(tb testing.TB, config emulator.Config) *account {
	tb.Helper()
	config.Strict = true
	config.Window = -1
	e, err := emulator.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return &account{Emulator: e, transport: e.Transport()}
}

const baseURL = "https://example.amocrm.com"

// do carries a call to the account and its answer back.
func (a *account) do(tb rapid.TB, call driver.Call) driver.Response {
	tb.Helper()
	address, err := url.Parse(baseURL + call.Path)
	if err != nil {
		tb.Fatalf("%s: %v", call.Name, err)
	}
	address.RawQuery = call.Query.Encode()
	request, err := http.NewRequestWithContext(context.Background(), call.Method, address.String(), bytes.NewReader(call.Body))
	if err != nil {
		tb.Fatalf("%s: %v", call.Name, err)
	}
	request.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	if call.Body != nil {
		contentType := call.ContentType
		if contentType == "" {
			contentType = "application/json"
		}
		request.Header.Set("Content-Type", contentType)
	}
	maps.Copy(request.Header, call.Header)
	response, err := a.transport.RoundTrip(request)
	if err != nil {
		tb.Fatalf("%s: %v", call.Name, err)
	}
	defer func() {
		if err := response.Body.Close(); err != nil {
			tb.Errorf("%s: %v", call.Name, err)
		}
	}()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatalf("%s: %v", call.Name, err)
	}
	if len(body) == 0 {
		body = nil
	}
	return driver.Response{URL: address, Status: response.StatusCode, Header: response.Header, Body: body}
}

// env reads what the codecs of a generation have to know of the account.
func (a *account) env(tb rapid.TB, g *generation) *driver.Env {
	tb.Helper()
	response := a.do(tb, g.accountCall())
	if err := g.decodeError(response); err != nil {
		tb.Fatalf("%v", err)
	}
	env, err := g.decodeAccount(response.Body)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return env
}
