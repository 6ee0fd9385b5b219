package emulator

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The cookies of a session. The service calls one session_id and its clients return all it sets; the other name is
// ours, so that a client that returns only some of them is noticed.
const (
	cookieID  = "session_id"
	cookieKey = "session_key"
)

// sessions holds who is logged in. Its methods are safe for concurrent use.
type sessions struct {
	lifetime time.Duration
	slides   bool // every request prolongs its session

	mu       sync.Mutex
	open     map[string]session
	sweepAt  int // number of open sessions from which the ended ones are removed
	failures int // logins that failed in a row
}

type session struct {
	key     string
	expires time.Time
}

// start opens a session and returns its cookies.
func (s *sessions) start(now time.Time) []*http.Cookie {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = 0
	if s.open == nil {
		s.open = map[string]session{}
	}
	if len(s.open) >= s.sweepAt {
		maps.DeleteFunc(s.open, func(_ string, old session) bool { return !now.Before(old.expires) })
		s.sweepAt = 2*len(s.open) + 64 // so that many open sessions are not looked at again for each new one
	}
	id, key := rand.Text(), rand.Text()
	s.open[id] = session{key: key, expires: now.Add(s.lifetime)}
	age := int(s.lifetime / time.Second)
	if s.slides {
		age = 0 // the cookie itself does not tell when it ends
	}
	cookie := func(name, value string) *http.Cookie {
		//nolint:gosec // a Secure cookie would not come back over the plain HTTP of a test
		return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true}
	}
	return []*http.Cookie{cookie(cookieID, id), cookie(cookieKey, key)}
}

func (s *sessions) valid(id, key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	open, ok := s.open[id]
	if !ok || open.key != key || !now.Before(open.expires) {
		return false
	}
	if s.slides {
		s.open[id] = session{key: key, expires: now.Add(s.lifetime)}
	}
	return true
}

func (s *sessions) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.open)
}

// fail counts a failed login.
func (s *sessions) fail() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures++
}

// locked reports whether limit failures happened in a row.
func (s *sessions) locked(limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return limit >= 0 && s.failures >= limit
}

func (s *sessions) unlock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = 0
}

// ExpireSessions ends every open session, as if their time were over.
func (e *Emulator) ExpireSessions() { e.sessions.expire() }

// SolveCaptcha allows logins again after Config.CaptchaAfter failures; users do that in a browser.
func (e *Emulator) SolveCaptcha() { e.sessions.unlock() }

// checkCredentials judges a login and a key. In the service both come from the user's profile.
func (c *call) checkCredentials(login, key string) *refusal {
	config := c.e.config
	if config.LoginState == LoginIPRefused {
		return &refusal{status: http.StatusForbidden, code: 113, text: "Access from this IP address is not allowed"}
	}
	if config.LoginState == LoginOtherServer {
		return &refusal{status: http.StatusUnauthorized, code: 401, text: "The account is on another server"}
	}
	if c.e.sessions.locked(config.CaptchaAfter) {
		return &refusal{status: http.StatusUnauthorized, code: 111, text: "Too many failed logins, enter the code from the picture in a browser"}
	}
	if !strings.EqualFold(login, config.Login) || key != config.APIKey {
		c.e.sessions.fail()
		return &refusal{status: http.StatusUnauthorized, code: 110, text: "Wrong login or key"}
	}
	if config.LoginState == LoginUserDisabled {
		return &refusal{status: http.StatusUnauthorized, code: 112, text: "The user is disabled or not in the account"}
	}
	return nil
}

// authenticate accepts a bearer token, either spelling of credentials in the query, which open a session too, or the
// cookies of an open session.
func (c *call) authenticate() *refusal {
	if c.request.Header.Get("Authorization") != "" {
		if c.hasAccess() {
			return nil
		}
		return &refusal{status: http.StatusUnauthorized, code: 110, text: "Unauthorized"}
	}
	for _, name := range [][2]string{{"USER_LOGIN", "USER_HASH"}, {"login", "api_key"}} {
		login, key := c.query.get(name[0]), c.query.get(name[1])
		if login == nil && key == nil {
			continue
		}
		if r := c.checkCredentials(login.str(), key.str()); r != nil {
			return r
		}
		c.cookies = c.e.sessions.start(c.now)
		return nil
	}
	id, errID := c.request.Cookie(cookieID)
	key, errKey := c.request.Cookie(cookieKey)
	if errID == nil && errKey == nil && c.e.sessions.valid(id.Value, key.Value, c.now) {
		return nil
	}
	return &refusal{status: http.StatusUnauthorized, code: 110, text: "The session is over or was never opened"}
}

// login answers auth.php. It speaks its own dialect: XML unless type=json, and auth beside the error.
func (c *call) login() *reply {
	if c.request.Method != http.MethodPost && c.request.Method != http.MethodGet {
		return htmlReply(http.StatusMethodNotAllowed)
	}
	if unknown, ok := errors.AsType[*refusal](c.checkQuery("type")); ok {
		return c.loginFailed(unknown)
	}
	login, key := c.query.get("USER_LOGIN"), c.query.get("USER_HASH")
	if login == nil && key == nil {
		body, err := c.parseBody()
		if err == nil {
			login, key = body.get("USER_LOGIN"), body.get("USER_HASH")
		}
	}
	r := c.checkCredentials(login.str(), key.str())
	c.e.counters.change(func(s *Stats) {
		if r != nil {
			s.LoginFailures++
		} else {
			s.Logins++
		}
	})
	if r != nil {
		return c.loginFailed(r)
	}
	c.cookies = c.e.sessions.start(c.now)
	if !c.wantsJSON() {
		return xmlReply(http.StatusOK, true)
	}
	config := c.e.config
	var w jsonWriter
	w.open('{')
	w.key("response")
	w.open('{')
	w.keyBool("auth", true)
	w.key("accounts")
	w.open('[')
	w.open('{')
	c.writeLoginID(&w, config.AccountID)
	w.keyText("name", config.AccountName)
	w.keyText("subdomain", c.e.subdomain())
	w.keyText("language", config.Language)
	w.keyText("timezone", config.TimeZone)
	w.close('}')
	w.close(']')
	w.key("user")
	w.open('{')
	c.writeLoginID(&w, config.UserID)
	w.keyText("language", config.Language)
	w.close('}')
	w.keyInteger("server_time", c.now.Unix())
	w.close('}')
	w.close('}')
	return newReply(http.StatusOK, "application/json", w.buf)
}

// writeLoginID writes an id, which is text in a login's answer and a number everywhere else.
func (c *call) writeLoginID(w *jsonWriter, id int64) {
	if c.e.config.LoginIDsAsNumbers {
		w.keyInteger("id", id)
		return
	}
	w.keyText("id", strconv.FormatInt(id, 10))
}

func (c *call) wantsJSON() bool { return c.query.get("type").str() == "json" }

func (c *call) loginFailed(r *refusal) *reply {
	if !c.wantsJSON() {
		return xmlReply(r.status, false)
	}
	var w jsonWriter
	w.open('{')
	w.key("response")
	w.open('{')
	w.keyBool("auth", false)
	w.keyText("error", r.text)
	w.keyText("error_code", strconv.Itoa(r.code))
	if r.code == 401 {
		w.keyText("ip", "192.0.2.1")
		w.keyText("domain", c.e.config.OtherDomain)
	}
	w.keyInteger("server_time", c.now.Unix())
	w.close('}')
	w.close('}')
	return newReply(r.status, "application/json", w.buf)
}

func xmlReply(status int, auth bool) *reply {
	body := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<root><auth>" + strconv.FormatBool(auth) + "</auth></root>\n"
	return newReply(status, "text/xml; charset=UTF-8", []byte(body))
}
