// Command go is a caller of amogate in Go. It reads a page, reads the whole
// collection, stops in the middle and goes on from there, changes a customer
// and reads it back, enters a purchase and writes a note about it:
//
//	go run ./cmd/amogate serve --sandbox
//	go run ./examples/go -addr 127.0.0.1:9090
//
// It changes one customer: try it on the sandbox.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// pageSize is how many customers are asked for at once.
const pageSize = 5

// stopBehind is how many customers are read before the list is stopped.
const stopBehind = 100

func main() {
	address := flag.String("addr", "127.0.0.1:9090", "gRPC address of amogate")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	err := run(ctx, *address, os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "example:", explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, out io.Writer) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() //nolint:errcheck // everything is answered by then
	client := amogatev1.NewCustomerServiceClient(conn)

	say := func(format string, args ...any) {
		// Who closes the output does not want to know.
		_, _ = fmt.Fprintf(out, format+"\n", args...)
	}
	first, err := pages(ctx, client, say)
	if err != nil {
		return err
	}
	if err := streams(ctx, client, say); err != nil {
		return err
	}
	if err := update(ctx, client, first, say); err != nil {
		return err
	}
	bought, err := buy(ctx, amogatev1.NewTransactionServiceClient(conn), first, say)
	if err != nil {
		return err
	}
	return remark(ctx, amogatev1.NewNoteServiceClient(conn), bought, say)
}

// pages reads two pages and returns the first customer.
func pages(ctx context.Context, client amogatev1.CustomerServiceClient, say func(string, ...any)) (*amogatev1.Customer, error) {
	one, err := client.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: pageSize})
	if err != nil {
		return nil, fmt.Errorf("read the first page: %w", err)
	}
	// An empty token is the only sign of the end; a page may be short.
	if len(one.GetCustomers()) == 0 || one.GetNextPageToken() == "" {
		return nil, errors.New("read the first page: the account has too few customers for this example")
	}
	two, err := client.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: pageSize, PageToken: one.GetNextPageToken()})
	if err != nil {
		return nil, fmt.Errorf("read the second page: %w", err)
	}
	for _, c := range two.GetCustomers() {
		if slices.ContainsFunc(one.GetCustomers(), func(o *amogatev1.Customer) bool { return o.GetId() == c.GetId() }) {
			return nil, fmt.Errorf("customer %d is on both pages", c.GetId())
		}
	}
	first := one.GetCustomers()[0]
	say("page: %d customers and %d more; the first is %d, %s", len(one.GetCustomers()), len(two.GetCustomers()), first.GetId(), first.GetName())
	return first, nil
}

// streams reads the whole list, and once more with a stop in between.
func streams(ctx context.Context, client amogatev1.CustomerServiceClient, say func(string, ...any)) error {
	whole := &reader{client: client}
	if err := whole.read(ctx, 0); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	say("stream: %d customers", len(whole.ids))

	parted := &reader{client: client}
	if err := parted.read(ctx, stopBehind); err != nil {
		return fmt.Errorf("read a part of the list: %w", err)
	}
	if parted.ended || len(parted.ids) != stopBehind {
		return fmt.Errorf("stopped behind %d customers, not %d", len(parted.ids), stopBehind)
	}
	say("stopped: behind %d customers", stopBehind)
	if err := parted.read(ctx, 0); err != nil {
		return fmt.Errorf("resume the list: %w", err)
	}
	if !slices.Equal(parted.ids, whole.ids) {
		return fmt.Errorf("resumed: %d customers are not the %d of the whole list", len(parted.ids), len(whole.ids))
	}
	say("resumed: the same %d customers in the same order", len(parted.ids))
	return nil
}

// reader reads a list. What it needs to go on after a stop, or in another
// process, is the token alone.
type reader struct {
	client amogatev1.CustomerServiceClient
	ids    []int64
	token  string
	ended  bool
}

// read goes on from the token until the end, or until limit customers are read;
// 0 = no limit.
func (r *reader) read(ctx context.Context, limit int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // which tells the server, so that it leaves upstream alone
	stream, err := r.client.ListCustomers(ctx, &amogatev1.ListCustomersRequest{PageToken: r.token})
	if err != nil {
		return err
	}
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if !r.ended {
				return errors.New("the list was cut: its end is missing")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch item := msg.GetItem().(type) {
		case *amogatev1.ListCustomersResponse_Customer:
			r.ids = append(r.ids, item.Customer.GetId())
		case *amogatev1.ListCustomersResponse_Deleted:
			r.ids = slices.DeleteFunc(r.ids, func(id int64) bool { return id == item.Deleted.GetId() })
		case *amogatev1.ListCustomersResponse_End:
			r.ended = true
			continue
		default:
			// A later release may tell more; its token counts all the same.
		}
		r.token = msg.GetResumeToken()
		if limit > 0 && len(r.ids) >= limit {
			return nil
		}
	}
}

// update changes the name of a customer and reads it back.
func update(ctx context.Context, client amogatev1.CustomerServiceClient, c *amogatev1.Customer, say func(string, ...any)) error {
	name := c.GetName() + " (Go)"
	if _, err := client.UpdateCustomer(ctx, &amogatev1.UpdateCustomerRequest{
		Id:       c.GetId(),
		Customer: &amogatev1.Customer{Name: name}, // what is not set stays as it is
	}); err != nil {
		return fmt.Errorf("update customer %d: %w", c.GetId(), err)
	}
	got, err := client.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: c.GetId()})
	if err != nil {
		return fmt.Errorf("read customer %d back: %w", c.GetId(), err)
	}
	if got.GetName() != name || got.GetNextPrice().GetUnits() != c.GetNextPrice().GetUnits() {
		return fmt.Errorf("customer %d is now %q with a price of %v", c.GetId(), got.GetName(), got.GetNextPrice())
	}
	say("updated: %d is now %s", got.GetId(), got.GetName())
	return nil
}

// buy enters a purchase of a customer and finds it among the customer's.
func buy(ctx context.Context, client amogatev1.TransactionServiceClient, c *amogatev1.Customer, say func(string, ...any)) (*amogatev1.Transaction, error) {
	bought, err := client.CreateTransaction(ctx, &amogatev1.CreateTransactionRequest{
		CustomerId:  c.GetId(),
		Transaction: &amogatev1.Transaction{Price: &money.Money{Units: 900}, Comment: "by the example in Go"},
	})
	if err != nil {
		return nil, fmt.Errorf("enter a purchase of customer %d: %w", c.GetId(), err)
	}
	stream, err := client.ListTransactions(ctx, &amogatev1.ListTransactionsRequest{CustomerId: c.GetId()})
	if err != nil {
		return nil, fmt.Errorf("list the purchases of customer %d: %w", c.GetId(), err)
	}
	var found, ended bool
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list the purchases of customer %d: %w", c.GetId(), err)
		}
		found = found || msg.GetTransaction().GetId() == bought.GetId() && msg.GetTransaction().GetPrice().GetUnits() == 900
		ended = ended || msg.GetEnd() != nil
	}
	if !found || !ended {
		return nil, fmt.Errorf("purchase %d is missing among those of customer %d, or the list was cut", bought.GetId(), c.GetId())
	}
	say("bought: transaction %d of customer %d", bought.GetId(), c.GetId())
	return bought, nil
}

// remark writes a note about a purchase to the customer's feed and reads it back.
func remark(ctx context.Context, client amogatev1.NoteServiceClient, bought *amogatev1.Transaction, say func(string, ...any)) error {
	customer := bought.GetCustomerId()
	text := fmt.Sprintf("Transaction %d came from the example in Go.", bought.GetId())
	note, err := client.CreateNote(ctx, &amogatev1.CreateNoteRequest{
		Parent: &amogatev1.CreateNoteRequest_CustomerId{CustomerId: customer},
		Note:   &amogatev1.Note{Content: &amogatev1.Note_Text{Text: text}},
	})
	if err != nil {
		return fmt.Errorf("write a note about customer %d: %w", customer, err)
	}
	got, err := client.GetNote(ctx, &amogatev1.GetNoteRequest{
		Parent: &amogatev1.GetNoteRequest_CustomerId{CustomerId: customer},
		Id:     note.GetId(),
	})
	if err != nil {
		return fmt.Errorf("read note %d back: %w", note.GetId(), err)
	}
	if got.GetText() != text || got.GetType() != amogatev1.NoteType_NOTE_TYPE_COMMON {
		return fmt.Errorf("note %d is %v", note.GetId(), got)
	}
	say("noted: %d, %s", got.GetId(), got.GetText())
	return nil
}

// explain adds what programs should look at: the reason of an error, which
// unlike its text does not change.
func explain(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return fmt.Sprintf("%v (%s)", err, info.GetReason())
		}
	}
	return err.Error()
}
