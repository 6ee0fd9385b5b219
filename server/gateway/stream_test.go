package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

type listStream = grpc.ServerStreamingServer[amogatev1.ListCustomersResponse]

func customerRow(id int64, token string) *amogatev1.ListCustomersResponse {
	return &amogatev1.ListCustomersResponse{
		Item:        &amogatev1.ListCustomersResponse_Customer{Customer: &amogatev1.Customer{Id: id}},
		ResumeToken: token,
	}
}

func endRow() *amogatev1.ListCustomersResponse {
	return &amogatev1.ListCustomersResponse{Item: &amogatev1.ListCustomersResponse_End{End: &amogatev1.ListEnd{
		Rows: 1, Completeness: amogatev1.Completeness_COMPLETENESS_BEST_EFFORT,
	}}}
}

const customerLine = `{"customer":{"id":"1","name":"","tags":[],"contact_ids":[],"custom_fields":[],"catalog_elements":[],"segments":[]},"resume_token":"t1"}`

// accept says what the server says once a list is under way.
func accept(s listStream) error { return s.SendHeader(metadata.Pairs(acceptedKey, "1")) }

// serve runs the gateway on loopback, since a recorder cannot show what arrives
// when.
func serve(t *testing.T, f *fakeServer) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(newHandler(t, f, Options{}))
	t.Cleanup(srv.Close)
	return srv
}

// openList is a list under way: its headers are here.
type openList struct {
	status int
	header http.Header
	body   io.Reader
}

// list asks for a list. It returns when the headers are here, and closes the
// body after the test.
func list(ctx context.Context, t *testing.T, srv *httptest.Server, accept string) openList {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/v1/customers:stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return openList{resp.StatusCode, resp.Header, resp.Body}
}

func TestGateway_streamsLines(t *testing.T) {
	f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		deleted := &amogatev1.ListCustomersResponse{
			Item:        &amogatev1.ListCustomersResponse_Deleted{Deleted: &amogatev1.DeletedCustomer{Id: 2}},
			ResumeToken: "t2",
		}
		return errors.Join(accept(s), s.Send(customerRow(1, "t1")), s.Send(deleted), s.Send(endRow()))
	}}
	want := []string{
		customerLine,
		`{"deleted":{"id":"2"},"resume_token":"t2"}`,
		`{"end":{"rows":"1","pages":"0","requests":"0","retries":"0","resent":"0","deleted":"0",
			"windows":"0","split_windows":"0","repaired_borders":"0",
			"completeness":"COMPLETENESS_BEST_EFFORT","locally_filtered_fields":[]},"resume_token":""}`,
	}
	srv := serve(t, f)
	for _, accept := range []string{"*/*", "application/json", "text/html", "text/event-stream"} {
		resp := list(t.Context(), t, srv, accept)
		if got := resp.header.Get("Content-Type"); resp.status != http.StatusOK || got != ndjsonType {
			t.Errorf("Accept %s: answer = %d %q, want 200 %q", accept, resp.status, got, ndjsonType)
		}
		body, err := io.ReadAll(resp.body)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(body), "\n")
		if last := lines[len(lines)-1]; last != "" {
			t.Errorf("the last line %q is not ended", last)
		}
		lines = lines[:len(lines)-1]
		if len(lines) != len(want) {
			t.Fatalf("%d lines, want %d: %s", len(lines), len(want), body)
		}
		for i := range want {
			if diff := cmp.Diff(parse(t, []byte(want[i])), parse(t, []byte(lines[i]))); diff != "" {
				t.Errorf("line %d (-want +got):\n%s", i, diff)
			}
		}
	}
}

func TestGateway_sendsHeadersBeforeTheFirstRow(t *testing.T) {
	release := make(chan struct{})
	f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		if err := accept(s); err != nil {
			return err
		}
		<-release
		return errors.Join(s.Send(customerRow(1, "t1")), s.Send(endRow()))
	}}
	resp := list(t.Context(), t, serve(t, f), "*/*")
	if got := resp.header.Get("Content-Type"); resp.status != http.StatusOK || got != ndjsonType {
		t.Errorf("answer = %d %q, want 200 %q", resp.status, got, ndjsonType)
	}
	if got := resp.header.Get(acceptedKey); got != "" {
		t.Errorf("%s = %q, want it kept inside", acceptedKey, got)
	}
	close(release)
	body, err := io.ReadAll(resp.body)
	if err != nil || strings.Count(string(body), "\n") != 2 {
		t.Errorf("body = %q, %v; want two lines", body, err)
	}
}

func TestGateway_sendsEachRowAtOnce(t *testing.T) {
	next := make(chan struct{})
	f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		for id := range int64(3) {
			if err := s.Send(customerRow(id, "t")); err != nil {
				return err
			}
			<-next
		}
		return nil
	}}
	lines := bufio.NewScanner(list(t.Context(), t, serve(t, f), "*/*").body)
	for range 3 {
		if !lines.Scan() {
			t.Fatalf("no line: %v", lines.Err())
		}
		next <- struct{}{}
	}
}

func TestGateway_endsABrokenStreamWithTheError(t *testing.T) {
	for name, rows := range map[string]int{"before the first row": 0, "after a row": 1} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
				if err := accept(s); err != nil {
					return err
				}
				for range rows {
					if err := s.Send(customerRow(1, "t1")); err != nil {
						return err
					}
				}
				return serverError(t, codes.Unavailable, "SERVER_DRAINING")
			}}
			resp := list(t.Context(), t, serve(t, f), "*/*")
			body, err := io.ReadAll(resp.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.header.Get("Content-Type"); resp.status != http.StatusOK || got != ndjsonType {
				t.Errorf("answer = %d %q, want 200 %q", resp.status, got, ndjsonType)
			}
			lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
			if len(lines) != rows+1 {
				t.Fatalf("%d lines, want %d: %s", len(lines), rows+1, body)
			}
			got := parseFailure(t, []byte(lines[rows]))
			if got.Code != 14 || got.Status != "UNAVAILABLE" || got.Reason != "SERVER_DRAINING" || len(got.Details) != 2 || got.Details[1]["request_id"] == "" {
				t.Errorf("last line = %s, want 14 UNAVAILABLE SERVER_DRAINING with its reason and the request id", lines[rows])
			}
		})
	}
}

func TestGateway_givesARefusedStreamItsStatus(t *testing.T) {
	for name, headers := range map[string]metadata.MD{
		"without headers":             nil,
		"with headers of the server":  metadata.Pairs("amogate-request-id", "r-1"),
		"with headers that left soon": metadata.Pairs("x-sent", "1"),
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
				if err := s.SetHeader(headers); err != nil {
					return err
				}
				if headers.Get("x-sent") != nil {
					if err := s.SendHeader(nil); err != nil {
						return err
					}
				}
				return serverError(t, codes.FailedPrecondition, "CUSTOMERS_DISABLED")
			}}
			resp := list(t.Context(), t, serve(t, f), "*/*")
			body, err := io.ReadAll(resp.body)
			if err != nil {
				t.Fatal(err)
			}
			got := reply{resp.status, resp.header, body}.failure(t)
			if resp.status != http.StatusFailedDependency || got.Reason != "CUSTOMERS_DISABLED" {
				t.Errorf("answer = %d %s, want 424 CUSTOMERS_DISABLED", resp.status, got.Reason)
			}
		})
	}
}

func TestGateway_streamsFromAServerThatNeverAccepts(t *testing.T) {
	for name, rows := range map[string]int{"nothing": 0, "a row": 1, "rows": 3} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
				for range rows {
					if err := s.Send(customerRow(1, "t1")); err != nil {
						return err
					}
				}
				return nil
			}}
			resp := list(t.Context(), t, serve(t, f), "*/*")
			body, err := io.ReadAll(resp.body)
			if err != nil || resp.status != http.StatusOK || resp.header.Get("Content-Type") != ndjsonType {
				t.Errorf("answer = %d %q %v, want 200 %q", resp.status, resp.header.Get("Content-Type"), err, ndjsonType)
			}
			lines := strings.SplitAfter(string(body), "\n")
			if len(lines) != rows+1 {
				t.Fatalf("lines = %q, want %d", lines, rows)
			}
			for _, line := range lines[:rows] {
				if diff := cmp.Diff(parse(t, []byte(customerLine)), parse(t, []byte(line))); diff != "" {
					t.Errorf("line (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestGateway_cancelsTheListOfACallerWhoWent(t *testing.T) {
	ended := make(chan error, 1)
	f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		if err := accept(s); err != nil {
			return err
		}
		<-s.Context().Done()
		ended <- s.Context().Err()
		return status.FromContextError(s.Context().Err()).Err()
	}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list(ctx, t, serve(t, f), "*/*")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the list ended with %v, want it cancelled", err)
	}
}

func TestGateway_cutsAnAnswerThatPanickedHalfWay(t *testing.T) {
	h := newHandler(t, &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		return errors.Join(accept(s), s.Send(customerRow(1, "t1")))
	}}, Options{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&panickingWriter{ResponseWriter: w}, r)
	}))
	defer srv.Close()
	resp := list(t.Context(), t, srv, "*/*")
	if body, err := io.ReadAll(resp.body); err == nil {
		t.Errorf("read %q without an error, want the connection cut", body)
	}
}

// panickingWriter fails at the first byte of the body.
type panickingWriter struct{ http.ResponseWriter }

func (w *panickingWriter) Write([]byte) (int, error)   { panic("half way") }
func (w *panickingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// endedStream is a client stream without headers and messages, which may not be
// asked again after its end.
type endedStream struct {
	grpc.ClientStream
	t     *testing.T
	asked bool
}

func (s *endedStream) Header() (metadata.MD, error) { return nil, nil } //nolint:nilnil // how gRPC says that there were none

func (s *endedStream) RecvMsg(any) error {
	if s.asked {
		s.t.Error("asked for a message after the end")
	}
	s.asked = true
	return io.EOF
}

func TestAcceptedStream_remembersTheEnd(t *testing.T) {
	s := &acceptedStream{ClientStream: &endedStream{t: t}, method: amogatev1.CustomerService_ListCustomers_FullMethodName}
	if _, err := s.Header(); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&amogatev1.ListCustomersResponse{}); !errors.Is(err, io.EOF) {
		t.Errorf("RecvMsg = %v, want io.EOF", err)
	}
}

// countingWriter counts the statuses that are set; net/http complains of a
// second one in the process's log.
type countingWriter struct {
	*httptest.ResponseRecorder
	statuses int
}

func (w *countingWriter) WriteHeader(status int) {
	w.statuses++
	w.ResponseRecorder.WriteHeader(status)
}

func TestGateway_setsNoStatusAfterTheHeaders(t *testing.T) {
	h := newHandler(t, &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		return errors.Join(accept(s), serverError(t, codes.Unavailable, "SERVER_DRAINING"))
	}}, Options{})
	w := &countingWriter{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/customers:stream", http.NoBody))
	if w.statuses != 0 || !w.Flushed {
		t.Errorf("%d statuses set, flushed = %v; want none, since the headers had left", w.statuses, w.Flushed)
	}
}

func TestGateway_takesAnswersOfAnySize(t *testing.T) {
	large := &amogatev1.Customer{Id: 1, Name: strings.Repeat("a", 5<<20)} // gRPC's own limit is 4 MiB
	f := &fakeServer{
		unary: func(context.Context, proto.Message) (proto.Message, error) { return large, nil },
		list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
			return s.Send(&amogatev1.ListCustomersResponse{Item: &amogatev1.ListCustomersResponse_Customer{Customer: large}})
		},
	}
	h := newHandler(t, f, Options{})
	for _, target := range []string{"/v1/customers/1", "/v1/customers:stream"} {
		if r := do(t, h, "GET", target, ""); r.status != http.StatusOK || len(r.body) < 5<<20 {
			t.Errorf("%s = %d with %d bytes, want 200 with more than 5 MiB: %.200s", target, r.status, len(r.body), r.body)
		}
	}
}

func TestNewOutput_refusesWhatIsNoMethod(t *testing.T) {
	for _, method := range []string{"/amogate.v1.NoService/X", "/amogate.v1.Customer/name", ""} {
		if msg, err := newOutput(method); status.Code(err) != codes.Internal {
			t.Errorf("newOutput(%q) = %v, %v; want an internal error", method, msg, err)
		}
	}
}
