package main

import (
	"cmp"
	"net/url"
	"time"

	"github.com/amogate/amogate/emulator"
)

// emulatorIntegration are the flags of the emulator's OAuth integration. Its
// secret is public like all its credentials, so it may be a flag.
type emulatorIntegration struct {
	ClientID     string        `name:"oauth-client-id" env:"AMOGATE_EMULATOR_OAUTH_CLIENT_ID" placeholder:"ID" help:"The integration. Default: a public one, printed at the start."`
	ClientSecret string        `name:"oauth-client-secret" env:"AMOGATE_EMULATOR_OAUTH_CLIENT_SECRET" placeholder:"SECRET" help:"Its secret, which protects nothing. Default: a public one."`
	RedirectURL  string        `name:"oauth-redirect-url" env:"AMOGATE_EMULATOR_OAUTH_REDIRECT_URL" placeholder:"URL" help:"Where the consent page, /oauth, sends browsers. Default: the callback of a service on this host."`
	AccessLife   time.Duration `name:"access-life" env:"AMOGATE_EMULATOR_ACCESS_LIFE" default:"24h" help:"Life of an access token, 1s or more."`
	RefreshLife  time.Duration `name:"refresh-life" env:"AMOGATE_EMULATOR_REFRESH_LIFE" default:"2160h" help:"Life of a refresh token."`
	CodeLife     time.Duration `name:"code-life" env:"AMOGATE_EMULATOR_CODE_LIFE" default:"20m" help:"Life of a code."`
	Grace        bool          `name:"grace" env:"AMOGATE_EMULATOR_GRACE" help:"Let a refresh token be used again until the pair it brought is used."`
}

// check adds what is wrong with the flags.
func (c *emulatorIntegration) check(p *problems) {
	if u, err := url.Parse(c.config().RedirectURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.add("oauth-redirect-url", "%q is not an http or https URL", c.RedirectURL)
	}
	for _, life := range []struct {
		flag  string
		value time.Duration
	}{{"access-life", c.AccessLife}, {"refresh-life", c.RefreshLife}, {"code-life", c.CodeLife}} {
		if life.value < time.Second {
			p.add(life.flag, "%v is below 1s", life.value)
		}
	}
}

func (c *emulatorIntegration) config() emulator.OAuth {
	return emulator.OAuth{
		ClientID:     cmp.Or(c.ClientID, emulator.DefaultClientID),
		ClientSecret: cmp.Or(c.ClientSecret, emulator.DefaultClientSecret),
		RedirectURL:  cmp.Or(c.RedirectURL, emulator.DefaultRedirectURL),
		AccessLife:   c.AccessLife,
		RefreshLife:  c.RefreshLife,
		CodeLife:     c.CodeLife,
		Grace:        c.Grace,
	}
}
