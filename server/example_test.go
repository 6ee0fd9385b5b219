package server_test

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/server"
)

// A server over one account, here an emulated one, and a call to it.
func Example() {
	account, err := emulator.New(emulator.Config{Customers: 3})
	if err != nil {
		panic(err)
	}
	client, err := amo.New(amo.Config{
		Account:   "shop",
		BaseURL:   &url.URL{Scheme: "https", Host: "example.amocrm.ru"},
		Auth:      amo.BearerToken(emulator.DefaultToken),
		Transport: account.Transport(),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	srv, err := server.New(server.Config{
		Accounts: server.StaticAccounts{Clients: map[string]*amo.Client{"shop": client}},
	})
	if err != nil {
		panic(err)
	}
	listener := bufconn.Listen(1 << 16)
	go func() { _ = srv.Serve(listener) }()
	defer srv.Stop()

	conn, err := grpc.NewClient("passthrough:///in-process",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	)
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	page, err := amogatev1.NewCustomerServiceClient(conn).ListCustomersPage(context.Background(), &amogatev1.ListCustomersPageRequest{PageSize: 2})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(page.GetCustomers()), "customers, more to come:", page.GetNextPageToken() != "")
	// Output: 2 customers, more to come: true
}
