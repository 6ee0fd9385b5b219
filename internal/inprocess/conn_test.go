package inprocess_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/testing/protocmp"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/inprocess"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type listStream = grpc.ServerStreamingServer[amogatev1.ListCustomersResponse]

// service answers what the test says.
type service struct {
	amogatev1.UnimplementedCustomerServiceServer
	get  func(context.Context, *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error)
	list func(*amogatev1.ListCustomersRequest, listStream) error
}

func (s service) GetCustomer(ctx context.Context, req *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
	return s.get(ctx, req)
}

func (s service) ListCustomers(req *amogatev1.ListCustomersRequest, stream listStream) error {
	return s.list(req, stream)
}

// local serves s within the process.
func local(t *testing.T, s service, config inprocess.Config) *inprocess.Conn {
	t.Helper()
	config.MaxCalls = max(config.MaxCalls, 1)
	c := inprocess.New(config)
	amogatev1.RegisterCustomerServiceServer(c, s)
	t.Cleanup(func() { c.Stop(); c.GracefulStop() })
	return c
}

// wire serves s over a connection.
func wire(t *testing.T, s service) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	amogatev1.RegisterCustomerServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:wire",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// both runs a test over a wire and in the process: callers see no difference.
func both(t *testing.T, s service, test func(*testing.T, amogatev1.CustomerServiceClient)) {
	t.Helper()
	t.Run("wire", func(t *testing.T) { test(t, amogatev1.NewCustomerServiceClient(wire(t, s))) })
	t.Run("in process", func(t *testing.T) {
		test(t, amogatev1.NewCustomerServiceClient(local(t, s, inprocess.Config{})))
	})
}

// row is a row of a list.
func row(id int64) *amogatev1.ListCustomersResponse {
	return &amogatev1.ListCustomersResponse{
		Item:        &amogatev1.ListCustomersResponse_Customer{Customer: &amogatev1.Customer{Id: id, Tags: []*amogatev1.Tag{{Name: "a"}}}},
		ResumeToken: "t",
	}
}

func TestConn_callsUnary(t *testing.T) {
	want := &amogatev1.Customer{Id: 7, Name: "a", ContactIds: []int64{1, 2}, Tags: []*amogatev1.Tag{{Id: 3}}, MainContactId: new(int64(0))}
	want.ProtoReflect().SetUnknown([]byte{0xf8, 0x7f, 1}) // field 2047
	s := service{get: func(ctx context.Context, req *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if got := md.Get("x-in"); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("metadata = %v, want 1 and 2", got)
		}
		if err := errors.Join(grpc.SetHeader(ctx, metadata.Pairs("x-first", "1")), grpc.SetTrailer(ctx, metadata.Pairs("x-last", "1"))); err != nil {
			t.Error(err)
		}
		if req.GetId() != 7 {
			return nil, status.Error(codes.NotFound, "no such customer")
		}
		return want, nil
	}}
	both(t, s, func(t *testing.T, c amogatev1.CustomerServiceClient) {
		t.Helper()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "X-In", "1", "x-in", "2")
		var header, trailer metadata.MD
		got, err := c.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 7}, grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if header.Get("x-first") == nil || trailer.Get("x-last") == nil {
			t.Errorf("header = %v, trailer = %v", header, trailer)
		}
		header, trailer = nil, nil
		_, err = c.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: 8}, grpc.Header(&header), grpc.Trailer(&trailer))
		if status.Code(err) != codes.NotFound || header.Get("x-first") == nil || trailer.Get("x-last") == nil {
			t.Errorf("error = %v, header = %v, trailer = %v", err, header, trailer)
		}
	})
}

func TestConn_hidesTheContextOfTheCaller(t *testing.T) {
	type key struct{}
	s := service{get: func(ctx context.Context, _ *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
		if ctx.Value(key{}) != nil {
			t.Error("a value of the caller's context arrived")
		}
		if md, ok := metadata.FromOutgoingContext(ctx); ok {
			t.Errorf("calls of the handler would carry %v", md)
		}
		return &amogatev1.Customer{}, nil
	}}
	both(t, s, func(t *testing.T, c amogatev1.CustomerServiceClient) {
		t.Helper()
		ctx := metadata.AppendToOutgoingContext(context.WithValue(t.Context(), key{}, 1), "x-in", "1")
		if _, err := c.GetCustomer(ctx, &amogatev1.GetCustomerRequest{}); err != nil {
			t.Error(err)
		}
	})
}

func TestConn_makesStatusesOfErrors(t *testing.T) {
	var failure error
	s := service{
		get:  func(context.Context, *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) { return nil, failure },
		list: func(*amogatev1.ListCustomersRequest, listStream) error { return failure },
	}
	for _, c := range []struct {
		err  error
		want codes.Code
	}{
		{errors.New("plain"), codes.Unknown},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{context.Canceled, codes.Canceled},
		{status.Error(codes.Aborted, "a"), codes.Aborted},
	} {
		failure = c.err
		both(t, s, func(t *testing.T, client amogatev1.CustomerServiceClient) {
			t.Helper()
			if _, err := client.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{}); status.Code(err) != c.want {
				t.Errorf("%v became %v, want %v", c.err, err, c.want)
			}
			stream, err := client.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); status.Code(err) != c.want {
				t.Errorf("%v of a stream became %v, want %v", c.err, err, c.want)
			}
		})
	}
}

func TestConn_streams(t *testing.T) {
	s := service{list: func(req *amogatev1.ListCustomersRequest, stream listStream) error {
		if req.GetPageToken() != "p" {
			t.Errorf("request = %v", req)
		}
		stream.SetTrailer(metadata.Pairs("x-last", "1"))
		if err := errors.Join(stream.SetHeader(metadata.Pairs("x-a", "1")), stream.SendHeader(metadata.Pairs("x-b", "2"))); err != nil {
			return err
		}
		if stream.SendHeader(nil) == nil || stream.SetHeader(metadata.Pairs("x-c", "3")) == nil {
			t.Error("a header can be sent twice")
		}
		for id := range int64(100) {
			if err := stream.Send(row(id)); err != nil {
				return err
			}
		}
		return nil
	}}
	both(t, s, func(t *testing.T, c amogatev1.CustomerServiceClient) {
		t.Helper()
		stream, err := c.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{PageToken: "p"})
		if err != nil {
			t.Fatal(err)
		}
		header, err := stream.Header()
		if err != nil || header.Get("x-a") == nil || header.Get("x-b") == nil || header.Get("x-c") != nil {
			t.Errorf("header = %v, %v", header, err)
		}
		for id := range int64(100) {
			got, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row(id), got, protocmp.Transform()); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		}
		for range 2 {
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v", err)
			}
		}
		if got := stream.Trailer().Get("x-last"); got == nil {
			t.Error("no trailer")
		}
	})
}

func TestConn_endsAStreamWithoutHeaders(t *testing.T) {
	s := service{list: func(*amogatev1.ListCustomersRequest, listStream) error { return status.Error(codes.Aborted, "a") }}
	both(t, s, func(t *testing.T, c amogatev1.CustomerServiceClient) {
		t.Helper()
		stream, err := c.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Header(); err != nil {
			t.Errorf("Header = %v, want the error left to Recv", err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.Aborted {
			t.Errorf("Recv = %v", err)
		}
	})
}

func TestConn_cancelsWithTheCaller(t *testing.T) {
	ended := make(chan error, 1)
	s := service{
		get: func(ctx context.Context, _ *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		},
		list: func(_ *amogatev1.ListCustomersRequest, stream listStream) error {
			if err := stream.Send(row(1)); err != nil {
				return err
			}
			<-stream.Context().Done()
			ended <- stream.Context().Err()
			return stream.Send(row(2))
		},
	}
	both(t, s, func(t *testing.T, c amogatev1.CustomerServiceClient) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := c.ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
			t.Errorf("Recv = %v, want it cancelled", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler ended with %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := c.GetCustomer(ctx, &amogatev1.GetCustomerRequest{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("unary = %v, want the deadline", err)
		}
		if err := <-ended; err == nil {
			t.Error("the handler of a unary call was not cancelled")
		}
	})
}

func TestConn_doesNotWaitForAHandlerThatHangs(t *testing.T) {
	release := make(chan struct{})
	c := local(t, service{get: func(context.Context, *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
		<-release
		return &amogatev1.Customer{Id: 1}, nil
	}}, inprocess.Config{})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := amogatev1.NewCustomerServiceClient(c).GetCustomer(ctx, &amogatev1.GetCustomerRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("error = %v, want the deadline", err)
	}
}

func TestConn_holdsBackAServerThatIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent := 0
		c := local(t, service{list: func(_ *amogatev1.ListCustomersRequest, stream listStream) error {
			for {
				if err := stream.Send(row(1)); err != nil {
					return err
				}
				mu.Lock()
				sent++
				mu.Unlock()
			}
		}}, inprocess.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := amogatev1.NewCustomerServiceClient(c).ListCustomers(ctx, &amogatev1.ListCustomersRequest{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if sent != 32 {
			t.Errorf("%d rows were sent to a reader that reads nothing, want 32", sent)
		}
	})
}

// As after a reader that stalled: the handler returns while a goroutine of its
// still sends.
func TestConn_endsSendsThatAHandlerLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan error, 1)
		c := local(t, service{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
			go func() {
				for {
					if err := s.Send(row(1)); err != nil {
						left <- err
						return
					}
				}
			}()
			time.Sleep(time.Second)
			return status.Error(codes.Aborted, "stalled")
		}}, inprocess.Config{})
		stream, err := amogatev1.NewCustomerServiceClient(c).ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-left; status.Code(err) != codes.Canceled {
			t.Errorf("the send left behind = %v, want it cancelled", err)
		}
		rows := 0
		for {
			if _, err = stream.Recv(); err != nil {
				break
			}
			rows++
		}
		if rows < 32 || status.Code(err) != codes.Aborted {
			t.Errorf("%d rows and %v, want 32 and the error of the handler", rows, err)
		}
	})
}

func TestConn_runsSoManyCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := local(t, service{get: func(context.Context, *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
			time.Sleep(time.Second)
			return &amogatev1.Customer{}, nil
		}}, inprocess.Config{MaxCalls: 2})
		client := amogatev1.NewCustomerServiceClient(c)
		begun := time.Now()
		var calls sync.WaitGroup
		for range 6 {
			calls.Go(func() {
				if _, err := client.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{}); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("6 calls of a second, 2 at once, took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		for range 3 {
			calls.Go(func() {
				if _, err := client.GetCustomer(ctx, &amogatev1.GetCustomerRequest{}); status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("error = %v, want the deadline", err)
				}
			})
		}
		calls.Wait()
	})
}

func TestConn_stops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := local(t, service{get: func(ctx context.Context, _ *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
			select {
			case <-time.After(time.Minute):
				return &amogatev1.Customer{}, nil
			case <-ctx.Done():
				return nil, status.FromContextError(ctx.Err()).Err()
			}
		}}, inprocess.Config{MaxCalls: 10})
		client := amogatev1.NewCustomerServiceClient(c)
		get := func() error {
			_, err := client.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{})
			return err
		}
		result := make(chan error, 1)
		go func() { result <- get() }()
		synctest.Wait()
		begun := time.Now()
		stopped := make(chan time.Duration, 1)
		go func() { c.GracefulStop(); stopped <- time.Since(begun) }()
		synctest.Wait()
		if err := get(); status.Code(err) != codes.Unavailable {
			t.Errorf("a call while it stops: %v", err)
		}
		if _, err := client.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("a list while it stops: %v", err)
		}
		time.Sleep(time.Second)
		c.Stop()
		if err := <-result; status.Code(err) != codes.Canceled {
			t.Errorf("the call in flight: %v, want it cancelled", err)
		}
		if took := <-stopped; took != time.Second {
			t.Errorf("stopped after %v, want with the last call after 1 s", took)
		}
	})
}

func TestConn_runsInterceptorsInOrder(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	unary := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			note(name + info.FullMethod)
			defer note(name + " end")
			return handler(ctx, req)
		}
	}
	stream := func(name string) grpc.StreamServerInterceptor {
		return func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			note(name + info.FullMethod)
			defer note(name + " end")
			return handler(srv, s)
		}
	}
	c := amogatev1.NewCustomerServiceClient(local(t, service{
		get: func(context.Context, *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
			return &amogatev1.Customer{}, nil
		},
		list: func(*amogatev1.ListCustomersRequest, listStream) error { return nil },
	}, inprocess.Config{
		Unary:  []grpc.UnaryServerInterceptor{unary("a"), unary("b")},
		Stream: []grpc.StreamServerInterceptor{stream("c"), stream("d")},
	}))
	if _, err := c.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{}); err != nil {
		t.Error(err)
	}
	s, err := c.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	const get, list = "/amogate.v1.CustomerService/GetCustomer", "/amogate.v1.CustomerService/ListCustomers"
	want := []string{"a" + get, "b" + get, "b end", "a end", "c" + list, "d" + list, "d end", "c end"}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// observer counts calls that begin and end.
type observer struct {
	mu           sync.Mutex
	begun, ended int
	last         error
}

func (o *observer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-trace", "1")
}

func (o *observer) HandleRPC(_ context.Context, s stats.RPCStats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch s := s.(type) {
	case *stats.Begin:
		o.begun++
	case *stats.End:
		o.ended++
		o.last = s.Error
		if s.BeginTime.IsZero() || s.EndTime.Before(s.BeginTime) {
			o.last = errors.New("it lasted no time")
		}
	}
}

func (o *observer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (o *observer) HandleConn(context.Context, stats.ConnStats)                       {}

func (o *observer) want(t *testing.T, side string, calls int, last codes.Code) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begun != calls || o.ended != calls || status.Code(o.last) != last {
		t.Errorf("%s: %d begun, %d ended with %v; want %d and %v", side, o.begun, o.ended, o.last, calls, last)
	}
}

func TestConn_tellsWhenCallsBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := &observer{}, &observer{}
		c := amogatev1.NewCustomerServiceClient(local(t, service{
			get: func(ctx context.Context, _ *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
				if metadata.ValueFromIncomingContext(ctx, "x-trace") == nil {
					t.Error("what the client's observer adds does not arrive")
				}
				return nil, status.Error(codes.Aborted, "a")
			},
			list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
				for {
					if err := s.Send(row(1)); err != nil {
						return err
					}
				}
			},
		}, inprocess.Config{ServerStats: server, ClientStats: client}))
		_, err := c.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{})
		synctest.Wait()
		server.want(t, "server", 1, status.Code(err))
		client.want(t, "client", 1, codes.Aborted)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := c.ListCustomers(ctx, &amogatev1.ListCustomersRequest{}); err != nil {
			t.Fatal(err)
		}
		cancel() // and nobody reads to the end
		synctest.Wait()
		server.want(t, "server", 2, codes.Canceled)
		client.want(t, "client", 2, codes.Canceled)
	})
}

func TestConn_refusesWhatNobodyServes(t *testing.T) {
	c := inprocess.New(inprocess.Config{MaxCalls: 1})
	client := amogatev1.NewCustomerServiceClient(c)
	if _, err := client.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("unary = %v", err)
	}
	if _, err := client.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("list = %v", err)
	}
}

func TestConn_refusesMessagesOfAnotherType(t *testing.T) {
	c := local(t, service{get: func(context.Context, *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
		return &amogatev1.Customer{}, nil
	}}, inprocess.Config{})
	for _, m := range []struct{ args, reply any }{
		{&amogatev1.Tag{}, &amogatev1.Customer{}},
		{&amogatev1.GetCustomerRequest{}, &amogatev1.Tag{}},
		{"text", &amogatev1.Customer{}},
		{&amogatev1.GetCustomerRequest{}, "text"},
	} {
		if err := c.Invoke(t.Context(), amogatev1.CustomerService_GetCustomer_FullMethodName, m.args, m.reply); status.Code(err) != codes.Internal {
			t.Errorf("%T for %T = %v, want an internal error", m.args, m.reply, err)
		}
	}
}
