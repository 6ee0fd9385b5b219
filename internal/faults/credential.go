package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
)

// integration is the one that the emulated account has installed.
var integration = amo.Integration{
	ClientID: emulator.DefaultClientID, ClientSecret: emulator.DefaultClientSecret, RedirectURL: emulator.DefaultRedirectURL,
}

// keep stores a fresh pair of tokens for the main account.
func (s *bubbleStack) keep(ctx context.Context) error {
	var err error
	if s.ring, err = keyring.Parse("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))); err != nil {
		return err
	}
	pair, err := s.emulator.IssuePair()
	if err != nil {
		return err
	}
	life := time.Duration(pair.ExpiresIn) * time.Second
	sealed, err := custody.Seal(s.ring, mainAccount, 1, custody.Secret{Access: pair.AccessToken, Refresh: pair.RefreshToken}, life)
	if err != nil {
		return err
	}
	_, err = s.kept.PutCredentials(ctx, mainAccount, custody.KindOAuth, sealed)
	return err
}

// auth returns the credentials of an account for a replica.
func (s *bubbleStack) auth(account, replica string) (amo.Auth, error) {
	if !s.config.kept || account != mainAccount {
		return amo.BearerToken(emulator.DefaultToken), nil
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return nil, err
	}
	journal, err := custody.OpenJournal(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.onClose(func() error { return errors.Join(journal.Close(), os.RemoveAll(dir)) })
	return amo.Kept{Kind: custody.KindOAuth, Integration: integration, Keeper: custody.Config{
		Account: account, Owner: replica, Store: &s.kept, Ring: s.ring, Journal: journal,
	}}, nil
}

// tokenCalls is how often upstream's token endpoint was asked.
func (s *bubbleStack) tokenCalls() int64 { return s.requests(emulator.OpOAuthToken) }

// expiredAccess ends the access token long before its time, while callers of all
// replicas go on.
func expiredAccess(ctx context.Context, calls int64) (string, error) {
	log := &arrivals{}
	config := paced(log)
	config.kept = true
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		if err := s.warm(ctx); err != nil {
			return "", err
		}
		callers := s.underLoad(ctx, 5)
		time.Sleep(3 * time.Second)
		s.emulator.ExpireAccess()
		made, err := s.replicas[1].customers.CreateCustomer(ctx, namedCustomer("Replayed"))
		time.Sleep(time.Minute)
		told := callers.end()
		if err != nil {
			return "", fmt.Errorf("a create: %w", err)
		}
		if err := only(told, answeredOK); err != nil {
			return "", err
		}
		if _, ok := s.emulator.Customer(made.GetId()); !ok || s.emulator.CustomersByName()["Replayed"] != 1 {
			return "", fmt.Errorf("the create was made %d times", s.emulator.CustomersByName()["Replayed"])
		}
		if n := s.tokenCalls(); n != calls {
			return "", fmt.Errorf("%d calls of the token endpoint, want %d", n, calls)
		}
		refused := len(log.of(http.StatusUnauthorized))
		if refused == 0 {
			return "", errors.New("no request met the end of the token")
		}
		return fmt.Sprintf("%d requests refused, %d token call, %d calls OK", refused, s.tokenCalls(), told[answeredOK]), nil
	})
}

// refusedCredentials has upstream refuse every token. After the fresh one was
// refused too nobody may ask any more, for a day.
func refusedCredentials(ctx context.Context, calls int64) (string, error) {
	config := bubbleConfig{replicas: replicaCount, kept: true}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if err := s.warm(ctx); err != nil {
			return "", err
		}
		refuse := emulator.Action{Status: http.StatusUnauthorized}
		if err := s.script(
			emulator.Rule{Match: emulator.Match{Kind: emulator.KindRead}, Action: refuse},
			emulator.Rule{Match: emulator.Match{Kind: emulator.KindWrite}, Action: refuse},
		); err != nil {
			return "", err
		}
		want := failure{code: codes.FailedPrecondition, reason: "ACCOUNT_REAUTH_REQUIRED"}
		asked := s.requests(api.list)
		// The fresh tokens of two refreshes are tried by each replica.
		for range 3 {
			for i, r := range s.replicas {
				_, err := r.page(ctx)
				if err := failureOf(err).want(want.code, want.reason); err != nil {
					return "", fmt.Errorf("replica %d: %w", i, err)
				}
			}
		}
		asked = s.requests(api.list) - asked
		tokens, requests := s.tokenCalls(), s.emulator.Stats()
		if tokens > calls {
			return "", fmt.Errorf("%d calls of the token endpoint, want at most %d", tokens, calls)
		}
		for begun := time.Now(); time.Since(begun) < 24*time.Hour; time.Sleep(10 * time.Minute) {
			for i, r := range s.replicas {
				_, err := r.page(ctx)
				if err := failureOf(err).want(want.code, want.reason); err != nil {
					return "", fmt.Errorf("replica %d, %s later: %w", i, time.Since(begun), err)
				}
				if err := r.clients[mainAccount].Keeper().Tend(ctx); err != nil {
					return "", fmt.Errorf("replica %d, %s later: %w", i, time.Since(begun), err)
				}
			}
		}
		if err := s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusFailedDependency, want); err != nil {
			return "", err
		}
		if now := s.emulator.Stats(); now.Requests != requests.Requests {
			return "", fmt.Errorf("requests in the day after: %v before, then %v", requests.ByOperation, now.ByOperation)
		}
		return fmt.Sprintf("%d token calls, %d requests, then 0 in 24h", tokens, asked), nil
	})
}

// staleReplica has one replica use a token that another one has renewed.
func staleReplica(ctx context.Context, calls int64) (string, error) {
	config := bubbleConfig{replicas: replicaCount, kept: true}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		if err := s.warm(ctx); err != nil {
			return "", err
		}
		s.emulator.ExpireAccess()
		if _, err := s.replicas[0].page(ctx); err != nil {
			return "", fmt.Errorf("the replica that renews: %w", err)
		}
		if n := s.tokenCalls(); n != 1 {
			return "", fmt.Errorf("%d calls of the token endpoint by the first replica", n)
		}
		for i, r := range s.replicas {
			if _, err := r.page(ctx); err != nil {
				return "", fmt.Errorf("replica %d: %w", i, err)
			}
		}
		if n := s.tokenCalls() - 1; n != calls {
			return "", fmt.Errorf("%d calls of the token endpoint by replicas behind, want %d", n, calls)
		}
		return fmt.Sprintf("%d token calls by %d replicas behind", calls, replicaCount-1), nil
	})
}
