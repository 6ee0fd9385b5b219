package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/telemetry"
)

// Credentials that occur nowhere else.
const (
	canaryToken = "canary-token-4f1c"
	canaryLogin = "canary-login@example.com"
	canaryKey   = "canary0key0aa31"
)

// logBook keeps log lines.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// secretFaults make errors of every origin: HTTP, connections, bodies, logins.
// Upstream repeats credentials in what it answers, as far as it can.
func secretFaults() map[string]emulator.Rule {
	echo := canaryToken + " " + canaryLogin + " " + canaryKey
	zero := 0
	return map[string]emulator.Rule{
		"none":              {Match: emulator.Match{Nth: 1 << 30}, Action: emulator.Action{Drop: true}},
		"no answer":         {Action: emulator.Action{Drop: true}},
		"cut answer":        {Action: emulator.Action{Cut: &zero}},
		"no JSON":           {Action: emulator.Action{Body: `{"_embedded":` + echo}},
		"page":              {Action: emulator.Action{HTML: true}},
		"server error":      {Action: emulator.Action{Status: http.StatusInternalServerError, Body: echo}},
		"gateway timeout":   {Action: emulator.Action{Status: http.StatusGatewayTimeout, HTML: true}},
		"too many requests": {Action: emulator.Action{Status: http.StatusTooManyRequests, HTML: true}},
		"unauthorized":      {Action: emulator.Action{Status: http.StatusUnauthorized}},
		"forbidden":         {Action: emulator.Action{Status: http.StatusForbidden}},
		"moved": {Action: emulator.Action{Status: http.StatusFound, Body: "-", Header: map[string]string{
			"Location": "https://" + url.PathEscape(canaryLogin) + ":" + canaryKey + "@other.amocrm.ru/?USER_HASH=" + canaryKey + "&token=" + canaryToken,
		}}},
		"only reads fail":   {Match: emulator.Match{Method: http.MethodGet}, Action: emulator.Action{Drop: true}},
		"only writes fail":  {Match: emulator.Match{Method: http.MethodPost}, Action: emulator.Action{Drop: true}},
		"only changes fail": {Match: emulator.Match{Method: http.MethodPatch}, Action: emulator.Action{Drop: true}},
		"login fails":       {Match: emulator.Match{Operation: emulator.OpAuth}, Action: emulator.Action{Drop: true}},
	}
}

func TestSecrets_standNowhere(t *testing.T) {
	clients := map[string]amo.Config{
		"token":         {Auth: amo.BearerToken(canaryToken)},
		"token over v2": {Auth: amo.BearerToken(canaryToken), Generation: amo.V2},
		"session":       {Auth: amo.Session{Login: canaryLogin, APIKey: canaryKey}},
		// A login that upstream refuses is told apart from one that fails.
		"wrong session": {Auth: amo.Session{Login: canaryLogin, APIKey: canaryKey + "-wrong"}},
	}
	for authName, client := range clients {
		for faultName, rule := range secretFaults() {
			t.Run(authName+"/"+faultName, func(t *testing.T) {
				started, recorder := startTelemetry(t)
				synctest.Test(t, func(t *testing.T) {
					told := &logBook{}
					handler := telemetry.LogHandler(slog.NewJSONHandler(told, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
					logger := slog.New(handler)
					s := newStack(t, setup{
						emulator:  emulator.Config{Customers: 2, Token: canaryToken, Login: canaryLogin, APIKey: canaryKey},
						client:    client,
						rules:     []emulator.Rule{rule},
						logger:    logger,
						telemetry: started,
					})
					answers := s.callEverything(t)
					where := map[string]string{
						"log": told.String(), "answers": answers, "metrics": scrape(t, started),
					}
					for _, span := range recorder.Ended() {
						where["span "+span.Name()] = fmt.Sprint(span.Status(), textsOf(span.Attributes()), span.Events())
					}
					if !strings.Contains(told.String(), `"method":"/amogate.v1.CustomerService/GetCustomer"`) || answers == "" {
						t.Fatal("nothing was captured")
					}
					for place, text := range where {
						checkNoSecret(t, place, text)
					}
				})
			})
		}
	}
}

// Whoever logs the configuration of a client must not log its credentials.
func TestSecrets_hideWhenTheyAreLogged(t *testing.T) {
	for _, auth := range []amo.Auth{amo.BearerToken(canaryToken), amo.Session{Login: canaryLogin, APIKey: canaryKey}} {
		told := &logBook{}
		slog.New(slog.NewJSONHandler(told, nil)).Info("configuration", "auth", auth, "config", amo.Config{Auth: auth})
		slog.New(slog.NewTextHandler(told, nil)).Info("configuration", "auth", auth, "config", amo.Config{Auth: auth})
		text := told.String() + fmt.Sprintf("%v %+v %#v %s %q", auth, auth, auth, auth, auth) + fmt.Sprintf("%v %+v %#v", amo.Config{Auth: auth}, amo.Config{Auth: auth}, amo.Config{Auth: auth})
		for _, canary := range []string{canaryToken, canaryKey} {
			if strings.Contains(text, canary) {
				t.Errorf("%T tells its secret: %s", auth, text)
			}
		}
	}
}

// checkNoSecret fails when text holds a credential in any spelling, or what
// people typed, which only they may see.
func checkNoSecret(t *testing.T, place, text string) {
	t.Helper()
	canaries := []string{
		canaryToken, canaryKey, canaryLogin, url.QueryEscape(canaryLogin), url.PathEscape(canaryLogin),
		base64.StdEncoding.EncodeToString([]byte(canaryToken)), base64.StdEncoding.EncodeToString([]byte(canaryKey)),
	}
	if place != "answers" {
		canaries = append(canaries, searched, customerOf)
	}
	for _, canary := range canaries {
		if at := strings.Index(text, canary); at >= 0 {
			t.Errorf("%s tells %q: …%s…", place, canary, text[max(0, at-300):min(len(text), at+100)])
		}
	}
}

// callEverything calls every method over both transports and returns all that
// the caller sees.
func (s *stack) callEverything(t *testing.T) string {
	t.Helper()
	var seen strings.Builder
	filter := &amogatev1.CustomerFilter{Query: searched}
	customer := &amogatev1.Customer{Name: customerOf}
	calls := []func(...grpc.CallOption) error{
		func(o ...grpc.CallOption) error {
			_, err := s.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 5}, o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			_, err := s.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{Filter: filter}, o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			stream, err := s.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{Filter: filter}, o...)
			for err == nil {
				_, err = stream.Recv()
			}
			return err
		},
		func(o ...grpc.CallOption) error {
			_, err := s.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{Customer: customer}, o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			_, err := s.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{Id: 5, Customer: customer}, o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			_, err := s.api.DeleteCustomer(t.Context(), &amogatev1.DeleteCustomerRequest{Id: 5}, o...)
			return err
		},
		func(o ...grpc.CallOption) error {
			resp, err := s.api.BatchUpdateCustomers(t.Context(), &amogatev1.BatchUpdateCustomersRequest{
				Requests: []*amogatev1.UpdateCustomerRequest{{Id: 5, Customer: customer}, {Id: 6, AddTags: []string{"a"}}},
			}, o...)
			seen.WriteString(prototext.Format(resp))
			return err
		},
	}
	for _, call := range calls {
		var header, trailer metadata.MD
		err := call(grpc.Header(&header), grpc.Trailer(&trailer))
		fmt.Fprintln(&seen, err, status.Convert(err).Details(), header, trailer)
	}
	for _, r := range []rawRequest{
		{"GET", "/v1/customers/5", ""},
		{"GET", "/v1/customers?filter.query=" + searched, ""},
		{"GET", "/v1/customers:stream", ""},
		{"POST", "/v1/customers", `{"name":"` + customerOf + `"}`},
		{"PATCH", "/v1/customers/5", `{"name":"` + customerOf + `"}`},
		{"DELETE", "/v1/customers/5", ""},
		{"POST", "/v1/customers:batchDelete", `{"ids":["5"]}`},
	} {
		got := s.do(t, r.Method, r.Path, r.Body)
		fmt.Fprintln(&seen, got.status, got.header, got.body)
	}
	return seen.String()
}

// scrape returns the metrics of a process.
func scrape(t *testing.T, from *telemetry.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	from.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}
