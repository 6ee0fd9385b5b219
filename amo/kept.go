package amo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
)

// Kept are credentials of any kind that a keeper keeps: a pair of tokens that is
// renewed, a long-lived token, a login.
type Kept struct {
	// Kind is the kind of the credentials.
	Kind custody.Kind
	// Keeper is the configuration of the keeper that the client makes; Exchange
	// and Integration are the client's, Settings and Logger too unless set.
	Keeper custody.Config
	// Integration is the one that renews pairs of tokens; the zero value = none.
	Integration Integration
	// Moved is told once that the account lives on another host. It checks the
	// host, stores it, and calls Client.Move; an error says that the host is none
	// to go to. Nil = a move is an error.
	Moved func(ctx context.Context, host string) error
}

func (k Kept) validate() error {
	switch k.Kind {
	case custody.KindOAuth, custody.KindToken, custody.KindSession:
	default:
		return fmt.Errorf("auth: %q is no kind of credentials", k.Kind)
	}
	if k.Integration == (Integration{}) {
		return nil
	}
	return k.Integration.validate()
}

func (k Kept) takenBy(generation Generation) bool {
	return k.Kind != custody.KindSession || generation == V2
}

func (k Kept) credentials(c *Client) (credentials, error) {
	config := k.Keeper
	if config.Settings == (settings.Settings{}) {
		config.Settings = c.config.Settings
	}
	if config.Logger == nil {
		config.Logger = c.config.Logger
	}
	if k.Integration != (Integration{}) {
		config.Exchange, config.Integration = c.renewal(k.Integration, k.Moved), k.Integration.fingerprint()
	}
	keeper, err := custody.New(config)
	if err != nil {
		return nil, err
	}
	return &kept{client: c, keeper: keeper, moved: k.Moved}, nil
}

// Keeper returns the keeper of a client whose Auth is Kept, else nil. The client
// does not close it.
func (c *Client) Keeper() *custody.Keeper {
	if k, ok := c.credentials.(*kept); ok {
		return k.keeper
	}
	return nil
}

// kept are the credentials of a Kept. The mark of tokens is their generation.
type kept struct {
	client *Client
	keeper *custody.Keeper
	moved  func(ctx context.Context, host string) error

	mu sync.Mutex
	// session is that of the login of generation; nil = none yet.
	session    *session
	generation int64
	// counted is the refusal of a login that the keeper was told of last.
	counted *Error
	// looked is when the account's host was looked up last.
	looked time.Time
}

func (k *kept) apply(ctx context.Context, req *http.Request) (uint64, error) {
	secret, generation, err := k.keeper.Current(ctx)
	if err != nil {
		return 0, err
	}
	if secret.Login == "" {
		req.Header.Set("Authorization", "Bearer "+secret.Access)
		return uint64(generation), nil //nolint:gosec // generations count from 1
	}
	s := k.sessionOf(secret, generation)
	mark, err := s.apply(ctx, req)
	return mark, k.judge(ctx, generation, err)
}

func (k *kept) renew(ctx context.Context, mark uint64) error {
	k.mu.Lock()
	s, generation := k.session, k.generation
	k.mu.Unlock()
	if s == nil {
		return k.keeper.Renew(ctx, int64(mark)) //nolint:gosec // apply made it of a generation
	}
	return k.judge(ctx, generation, s.renew(ctx, mark))
}

func (k *kept) accepted(mark uint64) {
	k.mu.Lock()
	s, generation := k.session, k.generation
	k.mu.Unlock()
	if s == nil {
		generation = int64(mark) //nolint:gosec // apply made it of a generation
	}
	k.keeper.Accepted(generation)
}

// sessionOf returns the session of a login.
func (k *kept) sessionOf(secret custody.Secret, generation int64) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session == nil || k.generation != generation {
		k.session = &session{client: k.client, auth: Session{Login: secret.Login, APIKey: secret.APIKey}}
		k.generation = generation
	}
	return k.session
}

// judge tells the keeper of a login that upstream refused, each of them once, and
// returns the error of the login.
func (k *kept) judge(ctx context.Context, generation int64, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != KindReauth {
		return err
	}
	k.mu.Lock()
	told := k.counted == e
	k.counted = e
	k.mu.Unlock()
	if !told && k.keeper.Renew(ctx, generation) == nil {
		// Somebody has given another login meanwhile: the next call takes it.
		return &Error{Kind: KindUnavailable, Message: "the account's login was replaced; call again", Err: err}
	}
	return err
}

// followed looks up where the account lives after the host of root has disowned
// it, and says whether we have gone there. It asks once in a while.
func (c *Client) followed(ctx context.Context, root *url.URL) bool {
	if c.base.Load() != root {
		return true // another call has
	}
	k, ok := c.credentials.(*kept)
	if !ok || k.moved == nil {
		return false
	}
	secret, _, err := k.keeper.Current(ctx)
	if err != nil || secret.Refresh == "" {
		return false
	}
	k.mu.Lock()
	due := k.looked.IsZero() || time.Since(k.looked) >= c.config.Settings.LoginPause
	if due {
		k.looked = time.Now()
	}
	k.mu.Unlock()
	if !due {
		return false
	}
	found, err := c.follow(ctx, secret, k.moved)
	if err != nil {
		c.config.Logger.WarnContext(ctx, "the account's host was not found", "account", c.config.Account, "error", err)
	}
	return found
}
