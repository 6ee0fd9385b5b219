package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/amogate/amogate/amo"
)

// accountName is what accounts may be called.
var accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// accountNameRule says the same in words.
const accountNameRule = "give 1 to 64 of a-z, 0-9, - and _, beginning with a letter or a digit"

// tokenVariable may hold the token where files are impractical. It has no flag:
// command lines are open to every process of the host.
const tokenVariable = "AMOGATE_ACCOUNT_TOKEN" //nolint:gosec // the name of a variable, not a token

// flagAccount is the account of the flags, checked.
type flagAccount struct {
	host amo.Host
	auth amo.Auth
}

// readAccount checks the flags of the account and reads its secrets. It returns
// nil when there is no account, or when something is wrong with it.
func (c *serveCommand) readAccount(p *problems) *flagAccount {
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
	a := &flagAccount{host: c.readAccountURL(p)}
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

// readAccountURL reads the URL by the rules that hold for every account.
func (c *serveCommand) readAccountURL(p *problems) amo.Host {
	const flag = "account-url"
	if c.AccountURL == "" {
		p.add(flag, "missing; credentials need the account they are for: https://SUBDOMAIN.amocrm.ru")
		return amo.Host{}
	}
	host, err := amo.ParseURL(c.AccountURL, c.AllowInsecureUpstream)
	if err == nil {
		return host
	}
	if _, insecure := amo.ParseURL(c.AccountURL, true); insecure == nil {
		p.add(flag, "%v, or add --allow-insecure-upstream for a test", err)
	} else {
		p.add(flag, "%v", err)
	}
	return amo.Host{}
}
