package main

import (
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/amogate/amogate/amo"
)

// defaultAccount is the name of the account that the flags describe, and of the
// sandbox.
const defaultAccount = "default"

// tokenVariable may hold the token where files are impractical. It has no flag:
// command lines are open to every process of the host.
const tokenVariable = "AMOGATE_ACCOUNT_TOKEN" //nolint:gosec // the name of a variable, not a token

// accountHost is what accounts live on. A typing error would otherwise hand
// the credentials to whoever owns the domain.
var accountHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?\.(amocrm\.ru|amocrm\.com|kommo\.com)$`)

// account is the account of the flags, checked.
type account struct {
	url  *url.URL
	auth amo.Auth
}

// readAccount checks the flags of the account and reads its secrets. It returns
// nil when there is no account, or when something is wrong with it.
func (c *serveCommand) readAccount(p *problems) *account {
	token := strings.TrimSpace(os.Getenv(tokenVariable))
	if c.Sandbox {
		for _, given := range []struct{ name, value string }{
			{"account-url", c.AccountURL},
			{"account-token-file", c.AccountTokenFile},
			{"account-login", c.AccountLogin},
			{"account-api-key-file", c.AccountAPIKeyFile},
		} {
			if given.value != "" {
				p.add(given.name, "the sandbox has an account of its own; leave it out, or leave out --sandbox")
			}
		}
		if token != "" {
			p.add("account-token-file", "%s is set, but the sandbox has an account of its own; unset it, or leave out --sandbox", tokenVariable)
		}
		return nil
	}
	hasToken := token != "" || c.AccountTokenFile != ""
	hasLogin := c.AccountLogin != "" || c.AccountAPIKeyFile != ""
	if c.AccountURL == "" && !hasToken && !hasLogin {
		return nil
	}
	before := len(*p)
	a := &account{url: c.readAccountURL(p)}
	switch {
	case hasToken && hasLogin:
		p.add("account-login", "the account has a token too; give either a token (--account-token-file or %s) "+
			"or --account-login with --account-api-key-file", tokenVariable)
	case hasToken:
		a.auth = c.readToken(p, token)
	case hasLogin:
		a.auth = c.readLogin(p)
	default:
		p.add("account-url", "the account has no credentials; add --account-token-file (or %s), "+
			"or --account-login with --account-api-key-file", tokenVariable)
	}
	if len(*p) > before {
		return nil
	}
	return a
}

func (c *serveCommand) readToken(p *problems, token string) amo.Auth {
	switch {
	case c.AccountTokenFile == "":
		if strings.ContainsFunc(token, isNotSecret) {
			p.add("account-token-file", "%s holds line breaks, blanks or other characters that no token has; it should hold the token alone", tokenVariable)
		}
		return amo.BearerToken(token)
	case token != "":
		p.add("account-token-file", "%s is set too; give one of them", tokenVariable)
		return nil
	default:
		return amo.BearerToken(p.readSecret("account-token-file", c.AccountTokenFile))
	}
}

func (c *serveCommand) readLogin(p *problems) amo.Auth {
	if c.AccountLogin == "" {
		p.add("account-login", "missing; --account-api-key-file needs the login that the key belongs to")
	}
	if c.AccountAPIKeyFile == "" {
		p.add("account-api-key-file", "missing; --account-login needs the file of that user's API key")
		return nil
	}
	return amo.Session{Login: c.AccountLogin, APIKey: p.readSecret("account-api-key-file", c.AccountAPIKeyFile)}
}

// readAccountURL never repeats more of the URL than its host: people put
// credentials into URLs.
func (c *serveCommand) readAccountURL(p *problems) *url.URL {
	const flag = "account-url"
	if c.AccountURL == "" {
		p.add(flag, "missing; credentials need the account they are for: https://SUBDOMAIN.amocrm.ru")
		return nil
	}
	u, err := url.Parse(c.AccountURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		p.add(flag, "cannot be read as a URL; give https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com")
		return nil
	}
	if u.User != nil {
		p.add(flag, "holds credentials; give them with --account-token-file, or --account-login and --account-api-key-file")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		p.add(flag, "has more than a host; give %s://%s", u.Scheme, u.Host)
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case c.AllowInsecureUpstream:
	case u.Scheme == "http":
		p.add(flag, "plain http to %q sends credentials and customers in clear; use https, or add --allow-insecure-upstream for a test", host)
	case isLoopback(host):
		p.add(flag, "%q is this host, not amoCRM; add --allow-insecure-upstream for a test", host)
	case !accountHost.MatchString(host) || (u.Port() != "" && u.Port() != "443"):
		p.add(flag, "%q is not an account of amoCRM; give https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com, "+
			"or add --allow-insecure-upstream for a test", u.Host)
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}
}
