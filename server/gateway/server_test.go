package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/inprocess"
)

// fakeServer is every service; it keeps what it got and answers what the test
// says.
type fakeServer struct {
	amogatev1.UnimplementedCustomerServiceServer
	amogatev1.UnimplementedTransactionServiceServer
	amogatev1.UnimplementedPeriodServiceServer
	amogatev1.UnimplementedNoteServiceServer
	amogatev1.UnimplementedCustomerStatusServiceServer
	amogatev1.UnimplementedCustomerSegmentServiceServer
	amogatev1.UnimplementedCustomersModeServiceServer

	// unary answers every unary call; nil answers an empty message.
	unary func(ctx context.Context, req proto.Message) (proto.Message, error)
	list  func(req *amogatev1.ListCustomersRequest, s grpc.ServerStreamingServer[amogatev1.ListCustomersResponse]) error

	mu  sync.Mutex
	got proto.Message
	md  metadata.MD
}

func (f *fakeServer) keep(ctx context.Context, req proto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = req
	f.md, _ = metadata.FromIncomingContext(ctx)
}

// request returns the last request, nil when none came.
func (f *fakeServer) request() (proto.Message, metadata.MD) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got, f.md
}

func (f *fakeServer) ListCustomers(req *amogatev1.ListCustomersRequest, s grpc.ServerStreamingServer[amogatev1.ListCustomersResponse]) error {
	f.keep(s.Context(), req)
	if f.list == nil {
		return nil
	}
	return f.list(req, s)
}

// call answers every unary call in the place of the services.
func (f *fakeServer) call(ctx context.Context, req any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	msg, ok := req.(proto.Message)
	if !ok {
		return nil, status.Errorf(codes.Internal, "%T is no message", req)
	}
	f.keep(ctx, msg)
	if f.unary != nil {
		if out, err := f.unary(ctx, msg); out != nil || err != nil {
			return out, err
		}
	}
	return newOutput(info.FullMethod)
}

// stream ends every list but that of customers without a row.
func (f *fakeServer) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	var req proto.Message
	switch info.FullMethod {
	case amogatev1.TransactionService_ListTransactions_FullMethodName:
		req = &amogatev1.ListTransactionsRequest{}
	case amogatev1.NoteService_ListNotes_FullMethodName:
		req = &amogatev1.ListNotesRequest{}
	default:
		return handler(srv, s)
	}
	err := s.RecvMsg(req)
	f.keep(s.Context(), req)
	return err
}

// register adds f as every service.
func (f *fakeServer) register(r grpc.ServiceRegistrar) {
	amogatev1.RegisterCustomerServiceServer(r, f)
	amogatev1.RegisterTransactionServiceServer(r, f)
	amogatev1.RegisterPeriodServiceServer(r, f)
	amogatev1.RegisterNoteServiceServer(r, f)
	amogatev1.RegisterCustomerStatusServiceServer(r, f)
	amogatev1.RegisterCustomerSegmentServiceServer(r, f)
	amogatev1.RegisterCustomersModeServiceServer(r, f)
}

// newHandler serves f over a connection in the process, as the command does,
// behind a gateway.
func newHandler(tb testing.TB, f *fakeServer, opts Options) http.Handler {
	tb.Helper()
	conn := inprocess.New(inprocess.Config{
		Unary:    []grpc.UnaryServerInterceptor{f.call},
		Stream:   []grpc.StreamServerInterceptor{f.stream},
		MaxCalls: 10,
	})
	f.register(conn)
	tb.Cleanup(func() { conn.Stop(); conn.GracefulStop() })
	return newGateway(tb, conn, opts)
}

// newWireHandler is newHandler over a connection that encodes messages.
func newWireHandler(tb testing.TB, f *fakeServer, opts Options) http.Handler {
	tb.Helper()
	lis := bufconn.Listen(1 << 20)
	srv := grpc.NewServer(grpc.UnaryInterceptor(f.call), grpc.StreamInterceptor(f.stream))
	f.register(srv)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(lis) }()
	tb.Cleanup(func() {
		srv.Stop()
		if err := <-done; err != nil {
			tb.Errorf("serve: %v", err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := conn.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return newGateway(tb, conn, opts)
}

func newGateway(tb testing.TB, conn grpc.ClientConnInterface, opts Options) http.Handler {
	tb.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := New(tb.Context(), conn, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request straight to the handler; headers are pairs.
func do(t *testing.T, h http.Handler, method, target, body string, headers ...string) reply {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(t.Context(), method, target, r)
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return reply{rec.Code, rec.Result().Header, rec.Body.Bytes()}
}

// failure is the error of a reply, in its one shape.
func (r reply) failure(t *testing.T) failure {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != jsonType {
		t.Errorf("Content-Type = %q, want %q", got, jsonType)
	}
	return parseFailure(t, r.body)
}

type failure struct {
	Code    int              `json:"code"`
	Status  string           `json:"status"`
	Message string           `json:"message"`
	Reason  string           `json:"reason"`
	Details []map[string]any `json:"details"`
}

func parseFailure(t *testing.T, data []byte) failure {
	t.Helper()
	var body struct {
		Error *failure `json:"error"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || body.Error == nil {
		t.Fatalf("error body %q: %v", data, err)
	}
	return *body.Error
}

// fields lists the fields of the violations.
func (f failure) fields() []string {
	var fields []string
	for _, d := range f.Details {
		list, _ := d["fieldViolations"].([]any)
		if list == nil {
			list, _ = d["field_violations"].([]any)
		}
		for _, v := range list {
			m, _ := v.(map[string]any)
			field, _ := m["field"].(string)
			fields = append(fields, field)
		}
	}
	return fields
}
