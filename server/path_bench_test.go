package server

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	codecs "google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/cputime"
	"github.com/amogate/amogate/internal/samplepage"
)

// storedUpstream answers lists of customers from memory, as it was compressed
// before.
type storedUpstream struct {
	accounts map[string][]byte
	// v2 and v4 are the pages in their order, behind them every page is empty.
	v2, v4 [][]byte
	rows   struct{ v2, v4 int }
}

func newStoredUpstream(b *testing.B, pages int) *storedUpstream {
	b.Helper()
	s := &storedUpstream{accounts: map[string][]byte{
		"/api/v2/account": compressed(b, samplepage.V2Account()),
		"/api/v4/account": compressed(b, samplepage.V4Account()),
	}}
	s.rows.v2, s.rows.v4 = 500, 250
	for page := range pages {
		s.v2 = append(s.v2, compressed(b, samplepage.V2Customers(1+page*s.rows.v2, s.rows.v2)))
		s.v4 = append(s.v4, compressed(b, samplepage.V4Customers(page+1, 1+page*s.rows.v4, s.rows.v4, page < pages-1)))
	}
	return s
}

func compressed(b *testing.B, body []byte) []byte {
	b.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(body); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// RoundTrip implements http.RoundTripper.
func (s *storedUpstream) RoundTrip(r *http.Request) (*http.Response, error) {
	body, query := s.accounts[r.URL.Path], r.URL.Query()
	switch r.URL.Path {
	case "/api/v2/customers":
		offset, _ := strconv.Atoi(query.Get("limit_offset"))
		body = pageAt(s.v2, offset/s.rows.v2)
	case "/api/v4/customers":
		page, _ := strconv.Atoi(query.Get("page"))
		body = pageAt(s.v4, page-1)
	}
	resp := &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/hal+json"}, "Content-Encoding": {"gzip"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	if body == nil {
		resp.StatusCode = http.StatusNoContent
		resp.Header.Del("Content-Encoding")
	}
	return resp, nil
}

func pageAt(pages [][]byte, n int) []byte {
	if n >= len(pages) {
		return nil
	}
	return pages[n]
}

// BenchmarkPath streams lists from stored compressed pages through the client and
// the server to a gRPC client in the same process, over TCP. The bar is 35,000
// rows for a second of processor time. The client takes the messages as they are,
// since callers decode them in languages of their own; under "decoding" a Go client decodes them.
func BenchmarkPath(b *testing.B) {
	const pages = 20
	up := newStoredUpstream(b, pages)
	for _, generation := range []amo.Generation{amo.V2, amo.V4} {
		rows := pages * up.rows.v2
		if generation == amo.V4 {
			rows = pages * up.rows.v4
		}
		for _, way := range []struct {
			name  string
			drain func(*testing.B, *grpc.ClientConn, int)
		}{{generation.String(), drain}, {generation.String() + " decoding", drainDecoding}} {
			b.Run(way.name, func(b *testing.B) {
				conn := newPath(b, up, generation)
				b.ReportAllocs()
				used := cputime.PerRow(b, rows, func() {
					for b.Loop() {
						way.drain(b, conn, rows)
					}
				})
				b.ReportMetric(1e6/used, "rows/cpu-s")
			})
		}
	}
}

// newPath serves an account over stored answers on a loopback socket, with the
// limiter practically off.
func newPath(b *testing.B, up *storedUpstream, generation amo.Generation) *grpc.ClientConn {
	b.Helper()
	fast := settings.Default()
	fast.FirstSlot = time.Nanosecond
	client, err := amo.New(amo.Config{
		Account:       "stored",
		BaseURL:       &url.URL{Scheme: "https", Host: "example.amocrm.ru"},
		Auth:          amo.BearerToken("t"),
		Transport:     up,
		Generation:    generation,
		Rate:          1000,
		AllowInsecure: true,
		Settings:      fast,
	})
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(Config{Accounts: StaticAccounts{Clients: map[string]*amo.Client{"stored": client}}})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
		s.Stop()
		if err := <-served; err != nil {
			b.Errorf("Serve: %v", err)
		}
		client.Close()
	})
	return conn
}

// kind is what an answer of a list tells: the number of the field.
type kind int32

const (
	aCustomer kind = 1
	theEnd    kind = 3
)

// kinds is a codec that looks no further than that.
type kinds struct{ codecs.CodecV2 }

// Unmarshal implements encoding.CodecV2.
func (kinds) Unmarshal(data mem.BufferSlice, v any) error {
	const token = 15
	whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer whole.Free()
	begin := whole.ReadOnlyData()
	number, _, n := protowire.ConsumeTag(begin)
	if number == token {
		begin = begin[n:]
		begin = begin[protowire.ConsumeFieldValue(number, protowire.BytesType, begin):]
		number, _, n = protowire.ConsumeTag(begin)
	}
	k, ok := v.(*kind)
	if !ok || n < 0 {
		return errors.ErrUnsupported
	}
	*k = kind(number)
	return nil
}

// drain takes a list to its end.
func drain(b *testing.B, conn *grpc.ClientConn, want int) {
	b.Helper()
	stream, err := conn.NewStream(b.Context(), &grpc.StreamDesc{ServerStreams: true}, amogatev1.CustomerService_ListCustomers_FullMethodName,
		grpc.ForceCodecV2(kinds{codecs.GetCodecV2("proto")}))
	if err == nil {
		err = stream.SendMsg(&amogatev1.ListCustomersRequest{})
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil {
		b.Fatal(err)
	}
	count(b, want, func() (kind, error) {
		var k kind
		err := stream.RecvMsg(&k)
		return k, err
	})
}

// drainDecoding reads a list to its end.
func drainDecoding(b *testing.B, conn *grpc.ClientConn, want int) {
	b.Helper()
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(b.Context(), &amogatev1.ListCustomersRequest{})
	if err != nil {
		b.Fatal(err)
	}
	count(b, want, func() (kind, error) {
		msg, err := stream.Recv()
		switch {
		case msg.GetCustomer() != nil:
			return aCustomer, err
		case msg.GetEnd() != nil:
			return theEnd, err
		}
		return 0, err
	})
}

// count takes answers until there are no more.
func count(b *testing.B, want int, next func() (kind, error)) {
	b.Helper()
	rows, ended := 0, false
	for {
		k, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		if k == aCustomer {
			rows++
		}
		ended = ended || k == theEnd
	}
	if rows != want || !ended {
		b.Fatalf("%d rows, want %d; ended %v", rows, want, ended)
	}
}
