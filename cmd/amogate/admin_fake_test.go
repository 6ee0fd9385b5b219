package main

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

// fakeAdmin is an administration that answers what it is told to and keeps what
// it was asked.
type fakeAdmin struct {
	adminv1.UnimplementedAdminServiceServer

	// err is every answer, if set.
	err error
	// checks are the answer of CheckAccount.
	checks []*adminv1.Check

	mu sync.Mutex
	// asked is the last request.
	asked proto.Message
	// accounts are those that GetAccount finds, by name.
	accounts map[string]*adminv1.Account
	// consent, if set, is the account that a consent adds when it is looked for
	// the second time.
	consent *adminv1.Account
	looks   int
}

// serve serves the administration and returns its address.
func (f *fakeAdmin) serve(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newAdminGRPC(f, "", slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func (f *fakeAdmin) note(request proto.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = request
	return f.err
}

func (f *fakeAdmin) ListAccounts(_ context.Context, r *adminv1.ListAccountsRequest) (*adminv1.ListAccountsResponse, error) {
	return &adminv1.ListAccountsResponse{Accounts: []*adminv1.Account{sampleAccount(), flagsAccount()}}, f.note(r)
}

func (f *fakeAdmin) GetAccount(_ context.Context, r *adminv1.GetAccountRequest) (*adminv1.Account, error) {
	if err := f.note(r); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if f.consent != nil && f.looks >= 3 {
		return f.consent, nil
	}
	if a, ok := f.accounts[r.GetName()]; ok {
		return a, nil
	}
	return nil, status.Errorf(codes.NotFound, "there is no account %q", r.GetName())
}

func (f *fakeAdmin) AddAccount(_ context.Context, r *adminv1.AddAccountRequest) (*adminv1.Account, error) {
	return sampleAccount(), f.note(r)
}

func (f *fakeAdmin) BeginAuthorization(_ context.Context, r *adminv1.BeginAuthorizationRequest) (*adminv1.BeginAuthorizationResponse, error) {
	return &adminv1.BeginAuthorizationResponse{
		AuthorizationUrl: "https://www.amocrm.ru/oauth?state=s",
		ExpireTime:       timestamppb.New(time.Now().Add(20 * time.Minute)),
	}, f.note(r)
}

func (f *fakeAdmin) RemoveAccount(_ context.Context, r *adminv1.RemoveAccountRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, f.note(r)
}

func (f *fakeAdmin) CheckAccount(_ context.Context, r *adminv1.CheckAccountRequest) (*adminv1.CheckAccountResponse, error) {
	return &adminv1.CheckAccountResponse{Checks: f.checks}, f.note(r)
}

func (f *fakeAdmin) RotateKeyring(_ context.Context, r *adminv1.RotateKeyringRequest) (*adminv1.RotateKeyringResponse, error) {
	return &adminv1.RotateKeyringResponse{ActiveKeyId: "k2", Resealed: 3, KeyIds: []string{"k1", "k2"}}, f.note(r)
}

// sampleNow is the time of the samples.
var sampleNow = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// sampleAccount is a stored account in trouble, with every field set.
func sampleAccount() *adminv1.Account {
	at := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(sampleNow.Add(d)) }
	return &adminv1.Account{
		Name: "shop", Url: "https://shop.amocrm.ru", UpstreamId: 30_000_001,
		CreateTime: at(-90 * 24 * time.Hour), LastSuccessTime: at(-90 * time.Second),
		Credentials: &adminv1.Credentials{
			Kind: adminv1.CredentialKind_CREDENTIAL_KIND_OAUTH, State: adminv1.CredentialState_CREDENTIAL_STATE_REAUTH_REQUIRED,
			Reason: "upstream revoked the tokens: run `amogate account add shop --oauth --replace`", Generation: 17,
			ExpireTime: at(23 * time.Hour), RefreshTime: at(11*time.Hour + 30*time.Minute), KeyId: "k1",
		},
		Limiter: &adminv1.Limiter{
			ConfiguredRate: 6, Rate: 3.5, Shared: true, Hold: durationpb.New(1500 * time.Millisecond),
			Queues: []*adminv1.Queue{
				{Class: "login"},
				{Class: "interactive", Length: 12, LastWait: durationpb.New(2*time.Second + 123456*time.Microsecond)},
			},
			Breakers: []*adminv1.Breaker{{Name: "ban", OpenTime: at(-5 * time.Minute), ProbeTime: at(10 * time.Minute)}},
		},
	}
}

// flagsAccount is the account of serve's flags, of which little is known.
func flagsAccount() *adminv1.Account {
	return &adminv1.Account{
		Name: "default", Url: "https://other.kommo.com", FromFlags: true,
		Credentials: &adminv1.Credentials{Kind: adminv1.CredentialKind_CREDENTIAL_KIND_TOKEN, State: adminv1.CredentialState_CREDENTIAL_STATE_OK},
		Limiter:     &adminv1.Limiter{ConfiguredRate: 6, Rate: 6},
	}
}
