package emulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Paths of the integration.
const (
	tokenPath            = "/oauth2/access_token" //nolint:gosec // a path
	consentPath          = "/oauth"
	subdomainPath        = "/oauth2/account/current/subdomain"
	deprecatedDomainPath = "/oauth2/account/subdomain"
)

// The two grants.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// exchangeError is a refused exchange.
type exchangeError struct {
	status int
	hint   string // empty for a client that is not trusted at all
}

func (p *exchangeError) Error() string {
	return "emulator: exchange refused: " + p.cause() + " (status " + strconv.Itoa(p.status) + ")"
}

// cause is the name of a refusal in TokenStats.
func (p *exchangeError) cause() string {
	if p.hint == "" {
		return "client"
	}
	return p.hint
}

// isOAuth reports whether the call is one of the integration.
func (c *call) isOAuth() bool {
	return c.op == OpOAuthToken || c.op == OpOAuthConsent || c.op == OpOAuthSubdomain
}

// takesSlot reports whether the call counts in the window.
func (c *call) takesSlot() bool { return !c.isOAuth() || !c.e.config.OAuth.Uncounted }

// routeOAuth answers the token endpoint and its neighbours.
func (c *call) routeOAuth() *reply {
	switch {
	case c.op == OpOAuthConsent:
		return c.consent()
	case c.op == OpOAuthSubdomain:
		return c.subdomain()
	case c.request.Method != http.MethodPost:
		return htmlReply(http.StatusMethodNotAllowed)
	}
	return c.exchange()
}

// exchange answers the token endpoint.
func (c *call) exchange() *reply {
	form, err := c.parseBody()
	if err != nil { // what cannot be read has no parameters
		form = newArray()
	}
	grantType := form.get("grant_type").str()
	pair, number, err := c.grantPair(form, grantType)
	c.e.counters.change(func(s *Stats) { s.Tokens.count(grantType, number, err) })
	if err != nil {
		return c.exchangeRefused(err)
	}
	var w jsonWriter
	w.open('{')
	w.keyText("token_type", "Bearer")
	w.keyInteger("expires_in", pair.ExpiresIn)
	if c.e.config.OAuth.ServerTime {
		w.keyInteger("server_time", c.now.Unix())
	}
	w.keyText("access_token", pair.AccessToken)
	w.keyText("refresh_token", pair.RefreshToken)
	w.close('}')
	r := newReply(http.StatusOK, "application/json", w.buf)
	r.header.Set("Cache-Control", "no-store, no-cache, must-revalidate")
	return r
}

// grantPair checks the client and gives what its grant asks for. number is that of the pair whose refresh token was
// sent, 0 where there is none.
func (c *call) grantPair(form *node, grantType string) (pair Pair, number int64, err error) {
	if refused := c.e.hosts.refuses(c.host(), c.e.config.MovedNotFound); refused != nil {
		if refused.moved {
			return Pair{}, 0, refused.refusal
		}
		return Pair{}, 0, c.e.hinted(http.StatusBadRequest, hintAccount)
	}
	if err := c.checkClient(form, grantType); err != nil {
		return Pair{}, 0, err
	}
	if grantType == grantCode {
		code := form.get("code").str()
		if code == "" {
			return Pair{}, 0, c.e.hinted(http.StatusBadRequest, hintCode)
		}
		pair, err = c.e.exchangeCode(code, c.now)
		return pair, 0, err
	}
	token := form.get("refresh_token").str()
	if token == "" {
		return Pair{}, 0, c.e.hinted(http.StatusBadRequest, hintRefresh)
	}
	return c.e.exchangeRefresh(token, c.now)
}

// checkClient judges who asks, and that a grant is asked for at all.
func (c *call) checkClient(form *node, grantType string) error {
	config := c.e.config.OAuth
	secret, redirect := form.get("client_secret").str(), form.get("redirect_uri").str()
	bare := c.e.hinted(http.StatusUnauthorized, "")
	refuse := func(hint string) error { return c.e.hinted(http.StatusBadRequest, hint) }
	switch {
	case form.get("client_id").str() != config.ClientID:
		return refuse(hintClientID)
	case secret == "":
		return refuse(hintClientSecret)
	case config.Unpaid:
		return bare
	case secret != c.e.grants.clientSecret() && config.ClientErrors == ClientErrorsHinted:
		return refuse(hintClientSecret)
	case secret != c.e.grants.clientSecret():
		return bare
	case redirect == "":
		return refuse(hintRedirect)
	case redirect != config.RedirectURL && config.ClientErrors == ClientErrorsBare:
		return bare
	case redirect != config.RedirectURL:
		return refuse(hintNotOfClient)
	case grantType != grantCode && grantType != grantRefresh:
		return refuse(hintGrantType)
	}
	if c.e.config.Strict {
		if key := form.unknownKey("client_id", "client_secret", "grant_type", "redirect_uri", "code", "refresh_token"); key != "" {
			return refuse("Check the `" + key + "` parameter")
		}
	}
	return nil
}

// oauthTexts are titles and details of refused exchanges: with and without a hint, as recorded and in English.
var oauthTexts = map[bool]struct{ title, detail, english, englishDetail string }{
	true: {
		"Некорректный запрос", "В запросе отсутствует ряд параметров или параметры невалидны",
		"Bad Request", "Parameters of the request are missing or invalid",
	},
	false: {
		"Некорректный клиент", "Авторизация клиента не прошла",
		"Invalid client", "Client authentication failed",
	},
}

// exchangeRefused writes why an exchange was refused.
func (c *call) exchangeRefused(err error) *reply {
	refused, ok := err.(*exchangeError) //nolint:errorlint // nothing wraps it
	if !ok {
		r := c.problemReply(problemOf(err))
		r.header.Set("Content-Type", "application/json")
		return r
	}
	texts := oauthTexts[refused.hint != ""]
	title, detail := texts.title, texts.detail
	if c.e.config.OAuth.EnglishErrors {
		title, detail = texts.english, texts.englishDetail
	}
	var w jsonWriter
	w.open('{')
	if refused.hint != "" {
		w.keyText("hint", refused.hint)
	}
	w.keyText("title", title)
	w.keyText("type", "https://developers.amocrm.ru/v3/errors/OAuthProblemJson")
	w.keyInteger("status", int64(refused.status))
	w.keyText("detail", detail)
	w.close('}')
	return newReply(refused.status, "application/json", w.buf)
}

// consent answers the page where a user lets the integration in, and does so at once.
func (c *call) consent() *reply {
	config := c.e.config.OAuth
	mode := c.query.get("mode").str()
	badMode := c.e.config.Strict && mode != "" && mode != "popup" && mode != "post_message"
	if c.request.Method != http.MethodGet {
		return htmlReply(http.StatusMethodNotAllowed)
	}
	if c.query.get("client_id").str() != config.ClientID || badMode {
		return htmlReply(http.StatusBadRequest)
	}
	target, err := url.Parse(config.RedirectURL)
	if err != nil {
		return htmlReply(http.StatusInternalServerError)
	}
	q := target.Query()
	if config.ConsentDenied {
		q.Set("error", "access_denied")
	} else {
		q.Set("code", c.e.issueCode(c.now))
		q.Set("referer", c.accountHost())
		q.Set("platform", strconv.Itoa(config.Platform))
	}
	if state := c.query.get("state"); state != nil {
		q.Set("state", state.str())
	}
	q.Set("client_id", config.ClientID)
	target.RawQuery = q.Encode()
	r := htmlReply(http.StatusFound)
	r.header.Set("Location", target.String())
	return r
}

// subdomain answers both look-ups of where the account lives now, whatever host they are sent to.
func (c *call) subdomain() *reply {
	if c.request.Method != http.MethodGet {
		return htmlReply(http.StatusMethodNotAllowed)
	}
	var known bool
	if trimSlash(c.path) == deprecatedDomainPath {
		known = c.hasAccess()
	} else {
		known = c.e.grants.knows(c.request.Header.Get("X-Refresh-Token"), c.now)
	}
	if !known {
		return c.problemReply(&problem{status: http.StatusUnauthorized, detail: unauthorizedDetail})
	}
	domain := c.accountHost()
	var w jsonWriter
	w.open('{')
	w.keyInteger("id", c.e.config.AccountID)
	w.keyText("subdomain", c.e.subdomain())
	w.keyText("domain", domain)
	w.keyText("top_level_domain", topLevel(domain))
	w.close('}')
	return newReply(http.StatusOK, "application/json", w.buf)
}

// hasAccess reports whether the call brings a bearer token that is alive.
func (c *call) hasAccess() bool {
	scheme, token, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	token = strings.TrimSpace(token)
	if token == c.e.config.Token {
		return true
	}
	alive, known := c.e.grants.accepts(token, c.now)
	if known && !alive {
		c.e.counters.change(func(s *Stats) { s.DeadTokens++ })
	}
	return alive
}
