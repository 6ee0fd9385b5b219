package amo

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/limit"
)

// Session are a user's e-mail address and API key, with which API v2 opens a
// session.
type Session struct {
	// Login is the user's e-mail address.
	Login string
	// APIKey is the user's API key.
	APIKey string
}

// String hides both: a login is a person's address.
func (Session) String() string { return "***" }

// GoString hides both.
func (Session) GoString() string { return "***" }

// MarshalText hides both from encoders and logs.
func (Session) MarshalText() ([]byte, error) { return []byte("***"), nil }

func (s Session) validate() error {
	var errs []error
	if s.Login == "" {
		errs = append(errs, errors.New("auth: the login is empty"))
	}
	if s.APIKey == "" {
		errs = append(errs, errors.New("auth: the API key is empty"))
	}
	return errors.Join(errs...)
}

func (Session) takenBy(generation Generation) bool { return generation == V2 }

func (s Session) credentials(c *Client) (credentials, error) {
	return &session{client: c, auth: s}, nil
}

// session are the credentials of a Session: the cookies of the last login. One
// login serves all callers that need it.
type session struct {
	client *Client
	auth   Session
	login  flight

	mu      sync.Mutex
	cookies []*http.Cookie
	// mark counts the logins; 0 = none yet.
	mark    uint64
	expires time.Time
	// refused is the error of the last login until retry.
	refused error
	retry   time.Time
}

func (s *session) apply(ctx context.Context, req *http.Request) (uint64, error) {
	for {
		cookies, mark := s.current()
		if cookies != nil {
			for _, cookie := range cookies {
				req.AddCookie(cookie)
			}
			return mark, nil
		}
		if err := s.renew(ctx, mark); err != nil {
			return 0, err
		}
	}
}

// current returns the cookies of the session, nil when it has ended.
func (s *session) current() ([]*http.Cookie, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.expires) {
		return nil, s.mark
	}
	return s.cookies, s.mark
}

func (s *session) renew(ctx context.Context, mark uint64) error {
	// The login that is joined may have been begun for an older session than
	// ours and find ours in place: then it is our turn.
	for s.markNow() == mark {
		err := s.login.do(ctx, s.client, func(ctx context.Context) error {
			if s.markNow() != mark {
				return nil
			}
			return s.open(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) markNow() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mark
}

// open logs in.
func (s *session) open(ctx context.Context) error {
	s.mu.Lock()
	refused, retry := s.refused, s.retry
	s.mu.Unlock()
	if time.Now().Before(retry) {
		return refused
	}
	var cookies []*http.Cookie
	began := time.Now()
	_, err := s.client.send(ctx, request{
		call:  v2.LoginCall(s.auth.Login, s.auth.APIKey),
		class: limit.Login,
		open:  true,
		decode: func(r driver.Response) error {
			if err := v2.DecodeLogin(r); err != nil {
				if e := asError(err); e.Kind == KindUpstreamInvalid {
					e.Kind = KindReauth // not a value of the call that needs the login
				}
				return err
			}
			cookies = (&http.Response{Header: r.Header}).Cookies()
			if len(cookies) == 0 {
				return &Error{Kind: KindBadResponse, Message: "upstream confirmed the login without a session", Status: r.Status}
			}
			return nil
		},
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cookies, s.expires = nil, time.Time{}
	if err != nil {
		if isRefusal(asError(err).Kind) {
			// Upstream asks for a captcha after a few wrong logins, which only a
			// person can solve.
			s.refused, s.retry = err, time.Now().Add(s.client.config.Settings.LoginPause)
		}
		return err
	}
	// The life counts from the login: no source says that a request prolongs it.
	s.cookies, s.expires = cookies, began.Add(s.client.config.Settings.SessionLife)
	s.mark++
	s.client.config.Logger.InfoContext(ctx, "logged in", "account", s.client.config.Account)
	return nil
}

func (s *session) accepted(uint64) {}

// isRefusal says that a login which failed so fails again.
func isRefusal(kind Kind) bool {
	switch kind {
	case KindReauth, KindBlocked, KindMoved, KindForbidden, KindPaymentRequired:
		return true
	default:
		return false
	}
}
