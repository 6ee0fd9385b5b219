package main

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

// fake is a service that does what it is told, in the place of amogate.
type fake struct {
	amogatev1.UnimplementedCustomerServiceServer
	list   func(send func(id int64) error) *amogatev1.ListEnd
	create func(*amogatev1.Customer) (*amogatev1.Customer, error)
}

func (f *fake) ListCustomers(_ *amogatev1.ListCustomersRequest, stream grpc.ServerStreamingServer[amogatev1.ListCustomersResponse]) error {
	end := f.list(func(id int64) error {
		return stream.Send(&amogatev1.ListCustomersResponse{Item: &amogatev1.ListCustomersResponse_Customer{Customer: &amogatev1.Customer{Id: id}}})
	})
	if end == nil {
		return nil
	}
	return stream.Send(&amogatev1.ListCustomersResponse{Item: &amogatev1.ListCustomersResponse_End{End: end}})
}

func (f *fake) CreateCustomer(_ context.Context, r *amogatev1.CreateCustomerRequest) (*amogatev1.Customer, error) {
	return f.create(r.GetCustomer())
}

// serve serves f behind a socket.
func (f *fake) serve(t *testing.T) *process.Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	amogatev1.RegisterCustomerServiceServer(s, f)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &process.Server{GRPC: listener.Addr().String()}
}

// rows sends rows 1 to n but for those that skip names, and an end.
func rows(n int64, skip func(id int64) int64, told int64) func(func(int64) error) *amogatev1.ListEnd {
	return func(send func(int64) error) *amogatev1.ListEnd {
		for id := range n {
			if send(skip(id+1)) != nil {
				return nil
			}
		}
		return &amogatev1.ListEnd{Rows: told, Completeness: amogatev1.Completeness_COMPLETENESS_WINDOWED}
	}
}

func TestList_ofABrokenServiceFails(t *testing.T) {
	const customers = 3 * pageV4
	same := func(id int64) int64 { return id }
	twice := func(id int64) int64 { return id - id%2 }
	for name, c := range map[string]struct {
		list func(func(int64) error) *amogatev1.ListEnd
		want verdict
	}{
		"whole":            {rows(customers, same, customers), pass},
		"a row is missing": {rows(customers-1, same, customers-1), fail},
		"rows twice":       {rows(customers, twice, customers), fail},
		"another end":      {rows(customers, same, customers-1), fail},
		"no end":           {func(send func(int64) error) *amogatev1.ListEnd { rows(customers, same, 0)(send); return nil }, fail},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readDistinct(t.Context(), (&fake{list: c.list}).serve(t))
			if err != nil {
				t.Fatal(err)
			}
			// The pace of the fake says nothing; that of the rows is set here.
			got.last = got.first.Add(2 * slot)
			measured := list{customers: customers, listed: got, seen: seenAt(rate)}
			if f := judgeList(listKinds[2], time.Second, measured); f.verdict != c.want {
				t.Errorf("%s, want %s: %s", f.verdict, c.want, f.reached)
			}
		})
	}
}

// seenAt is what upstream saw of 61 requests at a rate.
func seenAt(perSecond float64) process.Seen {
	begun := time.Now()
	return process.Seen{
		Stats: process.Stats{Requests: 61},
		First: begun, Last: begun.Add(time.Duration(60 / perSecond * float64(time.Second))),
	}
}

func TestCreate_ofABrokenServiceFails(t *testing.T) {
	next := int64(0)
	for name, c := range map[string]struct {
		create func(*amogatev1.Customer) (*amogatev1.Customer, error)
		want   verdict
	}{
		"right": {func(given *amogatev1.Customer) (*amogatev1.Customer, error) {
			next++
			return &amogatev1.Customer{Id: next, Name: given.GetName()}, nil
		}, pass},
		"one id for two": {func(given *amogatev1.Customer) (*amogatev1.Customer, error) {
			return &amogatev1.Customer{Id: 1, Name: given.GetName()}, nil
		}, fail},
		"another's answer": {func(*amogatev1.Customer) (*amogatev1.Customer, error) {
			next++
			return &amogatev1.Customer{Id: next, Name: "another"}, nil
		}, fail},
		"an error": {func(*amogatev1.Customer) (*amogatev1.Customer, error) {
			return nil, errOtherAnswer
		}, fail},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial((&fake{create: c.create}).serve(t).GRPC)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // the test is over
			l := newLoop(1, time.Now(), 30*time.Millisecond)
			l.call(t.Context(), 0, conn)
			measured := creates{
				perSecond: 2 * boundOf(64, 0), answered: l.answered, ids: int64(len(l.ids)), stored: l.answered, failed: l.failed,
			}
			if f := judgeCreates(64, 0, measured); f.verdict != c.want {
				t.Errorf("%s, want %s: %s", f.verdict, c.want, f.reached)
			}
		})
	}
}
