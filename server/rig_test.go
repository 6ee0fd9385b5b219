package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// rig is a server over an account on an emulator, and a connection to it.
type rig struct {
	t        *testing.T
	emulator *emulator.Emulator
	client   *amo.Client
	server   *Server
	conn     *grpc.ClientConn
	api      amogatev1.CustomerServiceClient
	log      *logBuffer
}

// upstream are the settings of a rig's account.
type upstream struct {
	emulator emulator.Config
	// transport, when set, is between the client and the emulator.
	transport func(http.RoundTripper) http.RoundTripper
	pageSize  int
	// generation is the one to use; 0 = v2, so that a test does not change with
	// the table of routes.
	generation amo.Generation
}

// newRig starts a server with one account, "shop", whose API has a path of its
// own so that no part can take the root for granted.
func newRig(t *testing.T, up upstream, config Config) *rig {
	t.Helper()
	r := &rig{t: t, log: &logBuffer{}}
	up.emulator.Strict = true
	up.emulator.BasePath = "/crm"
	if up.emulator.Window == 0 {
		up.emulator.Window = -1
	}
	var err error
	if r.emulator, err = emulator.New(up.emulator); err != nil {
		t.Fatal(err)
	}
	if up.generation == amo.Auto {
		up.generation = amo.V2
	}
	transport := r.emulator.Transport()
	if up.transport != nil {
		transport = up.transport(transport)
	}
	r.client, err = amo.New(amo.Config{
		Account:    "shop",
		BaseURL:    &url.URL{Scheme: "https", Host: "example.amocrm.test", Path: "/crm"},
		Auth:       amo.BearerToken(emulator.DefaultToken),
		Transport:  transport,
		PageSize:   up.pageSize,
		Generation: up.generation,
	})
	if err != nil {
		t.Fatal(err)
	}
	if config.Accounts == nil {
		config.Accounts = StaticAccounts{Clients: map[string]*amo.Client{"shop": r.client}}
	}
	config.Logger = slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if r.server, err = New(config); err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(listener) }()
	r.conn, err = grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	)
	if err != nil {
		t.Fatal(err)
	}
	r.api = amogatev1.NewCustomerServiceClient(r.conn)
	t.Cleanup(func() {
		if err := r.conn.Close(); err != nil {
			t.Error(err)
		}
		r.server.Stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		r.client.Close()
	})
	return r
}

// all reads a stream to its end. The error is that of the stream.
func all(stream grpc.ServerStreamingClient[amogatev1.ListCustomersResponse], err error) ([]*amogatev1.ListCustomersResponse, error) {
	if err != nil {
		return nil, err
	}
	var got []*amogatev1.ListCustomersResponse
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, msg)
	}
}

// ids returns the ids of a list's rows.
func ids(messages []*amogatev1.ListCustomersResponse) []int64 {
	var out []int64
	for _, m := range messages {
		if c := m.GetCustomer(); c != nil {
			out = append(out, c.GetId())
		}
	}
	return out
}

// problem is an error as a caller sees it.
type problem struct {
	code     string
	reason   string
	fields   []string
	metadata map[string]string
	id       string
	retry    time.Duration
	message  string
}

// problemOf reads the status of an error.
func problemOf(t *testing.T, err error) problem {
	t.Helper()
	st, ok := status.FromError(err)
	if !ok {
		t.Fatalf("%v is no status", err)
	}
	return problemOfStatus(st)
}

// problemOfProto reads the status of an item.
func problemOfProto(s *spb.Status) problem { return problemOfStatus(status.FromProto(s)) }

func problemOfStatus(st *status.Status) problem {
	p := problem{code: st.Code().String(), message: st.Message()}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			p.reason, p.metadata = d.GetReason(), d.GetMetadata()
		case *errdetails.BadRequest:
			p.fields = paths(d.GetFieldViolations())
		case *errdetails.RequestInfo:
			p.id = d.GetRequestId()
		case *errdetails.RetryInfo:
			p.retry = d.GetRetryDelay().AsDuration()
		}
	}
	return p
}

// logBuffer holds what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lines returns the lines with this message.
func (l *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var out []map[string]any
	decoder := json.NewDecoder(bytes.NewBufferString(l.String()))
	for decoder.More() {
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message {
			out = append(out, line)
		}
	}
	return out
}

// roundTrip is a function as an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
