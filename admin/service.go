package admin

import (
	"context"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

// Service is AdminService. It is safe for concurrent use.
type Service struct {
	adminv1.UnimplementedAdminServiceServer
	registry  *account.Registry
	validator protovalidate.Validator
}

var _ adminv1.AdminServiceServer = (*Service)(nil)

// New returns the service of a registry.
func New(registry *account.Registry) (*Service, error) {
	validator, err := protovalidate.New(protovalidate.WithMessages(
		&adminv1.GetAccountRequest{}, &adminv1.AddAccountRequest{}, &adminv1.BeginAuthorizationRequest{},
		&adminv1.RemoveAccountRequest{}, &adminv1.CheckAccountRequest{},
	))
	if err != nil {
		return nil, fmt.Errorf("admin: validation rules: %w", err)
	}
	return &Service{registry: registry, validator: validator}, nil
}

// serve checks a request, answers it, and makes a status of the error.
func serve[Q, A proto.Message](ctx context.Context, s *Service, request Q, handle func() (A, error)) (A, error) {
	var none A
	if err := s.validator.Validate(request); err != nil {
		return none, statusOf(ctx, err)
	}
	answer, err := handle()
	if err != nil {
		return none, statusOf(ctx, err)
	}
	return answer, nil
}

// ListAccounts implements AdminService.
func (s *Service) ListAccounts(ctx context.Context, request *adminv1.ListAccountsRequest) (*adminv1.ListAccountsResponse, error) {
	return serve(ctx, s, request, func() (*adminv1.ListAccountsResponse, error) {
		accounts, err := s.registry.List(ctx)
		if err != nil {
			return nil, err
		}
		response := &adminv1.ListAccountsResponse{}
		for _, a := range accounts {
			response.Accounts = append(response.Accounts, accountToProto(a))
		}
		return response, nil
	})
}

// GetAccount implements AdminService.
func (s *Service) GetAccount(ctx context.Context, request *adminv1.GetAccountRequest) (*adminv1.Account, error) {
	return serve(ctx, s, request, func() (*adminv1.Account, error) {
		a, err := s.registry.Get(ctx, request.GetName())
		if err != nil {
			return nil, err
		}
		limiter, err := s.registry.Limiter(ctx, request.GetName())
		if err != nil {
			return nil, err
		}
		shown := accountToProto(a)
		shown.Limiter = limiterToProto(limiter)
		return shown, nil
	})
}

// AddAccount implements AdminService.
func (s *Service) AddAccount(ctx context.Context, request *adminv1.AddAccountRequest) (*adminv1.Account, error) {
	return serve(ctx, s, request, func() (*adminv1.Account, error) {
		a, err := s.registry.Add(ctx, account.Addition{
			Name:    request.GetName(),
			URL:     request.GetUrl(),
			Given:   givenFromProto(request),
			Replace: request.GetReplace(),
		})
		if err != nil {
			return nil, err
		}
		return accountToProto(a), nil
	})
}

// BeginAuthorization implements AdminService.
func (s *Service) BeginAuthorization(ctx context.Context, request *adminv1.BeginAuthorizationRequest) (*adminv1.BeginAuthorizationResponse, error) {
	return serve(ctx, s, request, func() (*adminv1.BeginAuthorizationResponse, error) {
		consent, err := s.registry.BeginAuthorization(ctx, request.GetName(), request.GetUrl())
		if err != nil {
			return nil, err
		}
		return &adminv1.BeginAuthorizationResponse{AuthorizationUrl: consent.URL, ExpireTime: timestamppb.New(consent.ExpiresAt)}, nil
	})
}

// RemoveAccount implements AdminService.
func (s *Service) RemoveAccount(ctx context.Context, request *adminv1.RemoveAccountRequest) (*emptypb.Empty, error) {
	return serve(ctx, s, request, func() (*emptypb.Empty, error) {
		return &emptypb.Empty{}, s.registry.Remove(ctx, request.GetName())
	})
}

// CheckAccount implements AdminService.
func (s *Service) CheckAccount(ctx context.Context, request *adminv1.CheckAccountRequest) (*adminv1.CheckAccountResponse, error) {
	return serve(ctx, s, request, func() (*adminv1.CheckAccountResponse, error) {
		checks, err := s.registry.Check(ctx, request.GetName())
		if err != nil {
			return nil, err
		}
		response := &adminv1.CheckAccountResponse{}
		for _, c := range checks {
			response.Checks = append(response.Checks, checkToProto(c))
		}
		return response, nil
	})
}

// RotateKeyring implements AdminService.
func (s *Service) RotateKeyring(ctx context.Context, request *adminv1.RotateKeyringRequest) (*adminv1.RotateKeyringResponse, error) {
	return serve(ctx, s, request, func() (*adminv1.RotateKeyringResponse, error) {
		rotation, err := s.registry.Rotate(ctx, request.GetResealOnly(), request.GetPrune())
		if err != nil {
			return nil, err
		}
		return &adminv1.RotateKeyringResponse{ActiveKeyId: rotation.Active, Resealed: count(rotation.Resealed), KeyIds: rotation.Keys}, nil
	})
}

func givenFromProto(request *adminv1.AddAccountRequest) account.Given {
	switch given := request.GetCredentials().(type) {
	case *adminv1.AddAccountRequest_AccessToken:
		return account.Given{Token: amo.BearerToken(given.AccessToken)}
	case *adminv1.AddAccountRequest_AuthorizationCode:
		return account.Given{Code: account.Code(given.AuthorizationCode)}
	case *adminv1.AddAccountRequest_Session:
		return account.Given{Session: account.Session{Login: given.Session.GetLogin(), APIKey: given.Session.GetApiKey()}}
	}
	return account.Given{}
}
