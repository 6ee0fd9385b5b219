package main

import (
	"net/url"
	"os"
	"strings"
)

// clientSecretVariable may hold the secret of the integration.
const clientSecretVariable = "AMOGATE_OAUTH_CLIENT_SECRET" //nolint:gosec // the name of a variable, not a secret

// oauthFlags describe the integration that people give their consent to.
type oauthFlags struct {
	ClientID         string `name:"oauth-client-id" env:"AMOGATE_OAUTH_CLIENT_ID" group:"oauth" placeholder:"ID" help:"Id of the integration."`
	ClientSecretFile string `name:"oauth-client-secret-file" env:"AMOGATE_OAUTH_CLIENT_SECRET_FILE" group:"oauth" placeholder:"FILE" help:"File with the integration's secret."`
	RedirectURL      string `name:"oauth-redirect-url" env:"AMOGATE_OAUTH_REDIRECT_URL" group:"oauth" placeholder:"URL" help:"The integration's redirect address, which has to lead to GET /oauth/callback of the REST address."`
	Zone             string `name:"oauth-zone" env:"AMOGATE_OAUTH_ZONE" group:"oauth" default:"amocrm.ru" help:"Where people give the consent when account add names no URL: amocrm.ru, amocrm.com or kommo.com."`
}

// integration are the oauthFlags, checked.
type integration struct{ clientID, clientSecret, redirectURL, zone string }

// read checks the flags and reads the secret. It returns nil when there is no
// integration, or when something is wrong with it.
func (f *oauthFlags) read(p *problems) *integration {
	if f.Zone != "amocrm.ru" && f.Zone != "amocrm.com" && f.Zone != "kommo.com" {
		p.add("oauth-zone", "%q is unknown; give amocrm.ru, amocrm.com or kommo.com", f.Zone)
	}
	secret := strings.TrimSpace(os.Getenv(clientSecretVariable))
	if f.ClientID == "" && f.ClientSecretFile == "" && f.RedirectURL == "" && secret == "" {
		return nil
	}
	before := len(*p)
	if f.ClientID == "" {
		p.add("oauth-client-id", "missing; an integration is its id, its secret and its redirect address")
	} else if strings.ContainsFunc(f.ClientID, isNotSecret) {
		p.add("oauth-client-id", "holds blanks or other characters that no id has")
	}
	secret = f.readSecret(p, secret)
	f.checkRedirect(p)
	if len(*p) > before {
		return nil
	}
	return &integration{f.ClientID, secret, f.RedirectURL, f.Zone}
}

func (f *oauthFlags) readSecret(p *problems, secret string) string {
	const flag = "oauth-client-secret-file"
	switch {
	case f.ClientSecretFile != "" && secret != "":
		p.add(flag, "%s is set too; give one of them", clientSecretVariable)
	case f.ClientSecretFile != "":
		return p.readSecret(flag, f.ClientSecretFile)
	case secret == "":
		p.add(flag, "missing; give the file of the integration's secret, or the secret in %s", clientSecretVariable)
	case strings.ContainsFunc(secret, isNotSecret):
		p.add(flag, "%s holds line breaks, blanks or other characters that no secret has; it should hold the secret alone", clientSecretVariable)
	}
	return secret
}

func (f *oauthFlags) checkRedirect(p *problems) {
	const flag = "oauth-redirect-url"
	if f.RedirectURL == "" {
		p.add(flag, "missing; give the redirect address of the integration, to the letter: https://HOST/oauth/callback")
		return
	}
	u, err := url.Parse(f.RedirectURL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil || u.Fragment != "":
		p.add(flag, "is not an address to come back to; give https://HOST/oauth/callback")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		p.add(flag, "plain http to %q sends codes in clear; use https", u.Host)
	}
}
