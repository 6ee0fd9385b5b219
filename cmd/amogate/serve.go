package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

// maxPageSize is the most rows upstream answers at once.
const maxPageSize = 500

type serveCommand struct {
	RESTAddr       string `name:"rest-addr" env:"AMOGATE_REST_ADDR" group:"listening" default:"127.0.0.1:8080" help:"Address of REST. Port 0 takes a free one, told in the log."`
	GRPCAddr       string `name:"grpc-addr" env:"AMOGATE_GRPC_ADDR" group:"listening" default:"127.0.0.1:9090" help:"Address of gRPC."`
	AdminAddr      string `name:"admin-addr" env:"AMOGATE_ADMIN_ADDR" group:"listening" default:"127.0.0.1:9100" help:"Address of /metrics, /healthz, /readyz and the administration over gRPC; it is for this host alone."`
	InsecureNoAuth bool   `name:"insecure-no-auth" env:"AMOGATE_INSECURE_NO_AUTH" group:"listening" help:"Allow addresses that other hosts reach, although callers are not asked for credentials."`

	AccountURL        string `name:"account-url" env:"AMOGATE_ACCOUNT_URL" group:"account" placeholder:"URL" help:"The account: https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com. Without it and without --sandbox calls are answered with what to do."`
	AccountTokenFile  string `name:"account-token-file" env:"AMOGATE_ACCOUNT_TOKEN_FILE" group:"account" placeholder:"FILE" help:"File with the account's access token."`
	AccountLogin      string `name:"account-login" env:"AMOGATE_ACCOUNT_LOGIN" group:"account" placeholder:"EMAIL" help:"User to log in as, instead of a token."`
	AccountAPIKeyFile string `name:"account-api-key-file" env:"AMOGATE_ACCOUNT_API_KEY_FILE" group:"account" placeholder:"FILE" help:"File with the API key of --account-login."`
	DefaultAccount    string `name:"default-account" env:"AMOGATE_DEFAULT_ACCOUNT" group:"account" placeholder:"NAME" help:"Account of calls that name none. Default: the only one there is."`

	State stateFlags `embed:""`
	OAuth oauthFlags `embed:""`

	UpstreamAPI           string  `name:"upstream-api" env:"AMOGATE_UPSTREAM_API" group:"upstream" default:"auto" help:"Generation of the account's API: v2, v4, or auto to choose for each operation."`
	UpstreamPageSize      int     `name:"upstream-page-size" env:"AMOGATE_UPSTREAM_PAGE_SIZE" group:"upstream" default:"500" help:"Rows asked for at once, 1 to 500."`
	NoCoalescing          bool    `name:"no-coalescing" env:"AMOGATE_NO_COALESCING" group:"upstream" help:"Give every call requests of its own, for comparison: items of several callers do not go together."`
	Rate                  float64 `name:"rate" env:"AMOGATE_RATE" group:"upstream" default:"6" help:"Requests a second to the account, retries and logins included; above 0, at most 7. With --allow-insecure-upstream, for measurements against the emulator, at most 1000."`
	AllowInsecureUpstream bool    `name:"allow-insecure-upstream" env:"AMOGATE_ALLOW_INSECURE_UPSTREAM" group:"upstream" help:"Allow an --account-url with plain http or outside of amoCRM's domains, for tests."`

	Sandbox          bool          `name:"sandbox" env:"AMOGATE_SANDBOX" group:"sandbox" help:"Serve an emulated account that lives in this process."`
	SandboxCustomers int           `name:"sandbox-customers" env:"AMOGATE_SANDBOX_CUSTOMERS" group:"sandbox" default:"1200" help:"Customers in the sandbox."`
	SandboxLatency   time.Duration `name:"sandbox-latency" env:"AMOGATE_SANDBOX_LATENCY" group:"sandbox" default:"120ms" help:"Time the sandbox takes for an answer."`

	LogLevel  string `name:"log-level" env:"AMOGATE_LOG_LEVEL" group:"logging" default:"info" help:"Least level that is logged to stderr: debug, info, warn or error."`
	LogFormat string `name:"log-format" env:"AMOGATE_LOG_FORMAT" group:"logging" default:"json" help:"Format of the log: json or text."`

	DrainDelay  time.Duration `name:"drain-delay" env:"AMOGATE_DRAIN_DELAY" group:"lifecycle" default:"5s" help:"Time to go on serving after SIGTERM while health says NOT_SERVING, for load balancers."`
	StopTimeout time.Duration `name:"stop-timeout" env:"AMOGATE_STOP_TIMEOUT" group:"lifecycle" default:"30s" help:"Longest time from SIGTERM to the end, the drain delay included."`

	unreadable problems
}

// settings are the flags of serve, checked.
type settings struct {
	rest, grpc, admin       string
	account                 *flagAccount // nil = none, or the sandbox's
	defaultAccount          string
	store                   storeConfig
	integration             *integration // nil = none
	allowInsecureUpstream   bool
	generation              amo.Generation
	pageSize                int
	noCoalescing            bool
	rate                    float64
	insecureUpstream        bool
	sandbox                 *emulator.Config // nil = no sandbox
	logger                  *slog.Logger
	drainDelay, stopTimeout time.Duration
}

func (c *serveCommand) refuse(unreadable problems) { c.unreadable = unreadable }

func (c *serveCommand) run(ctx context.Context, out streams) error {
	s, err := c.read(out)
	if err != nil {
		return err
	}
	slog.SetDefault(s.logger) // of grpcLog
	return serve(ctx, s, out)
}

// read checks all flags and answers with everything that is wrong.
func (c *serveCommand) read(out streams) (settings, error) {
	p := c.unreadable
	s := settings{
		rest: c.RESTAddr, grpc: c.GRPCAddr, admin: c.AdminAddr,
		pageSize: c.UpstreamPageSize, rate: c.Rate, noCoalescing: c.NoCoalescing,
		allowInsecureUpstream: c.AllowInsecureUpstream,
		drainDelay:            c.DrainDelay, stopTimeout: c.StopTimeout,
	}
	s.insecureUpstream = c.AllowInsecureUpstream
	c.checkAddresses(&p)
	s.account = c.readAccount(&p)
	s.defaultAccount = c.readDefaultAccount(&p)
	s.store = c.readState(&p)
	s.integration = c.OAuth.read(&p)
	c.readUpstream(&p, &s)
	s.sandbox = c.readSandbox(&p)
	s.logger = p.readLogger(c.LogLevel, c.LogFormat, out.stderr)
	c.checkLifecycle(&p)
	return s, p.err()
}

// state returns what openState needs to know.
func (s settings) state(adminAddr string) stateSettings {
	return stateSettings{
		store: s.store, adminAddr: adminAddr,
		integration: s.integration, static: s.account, defaultAccount: s.defaultAccount,
		allowInsecureUpstream: s.allowInsecureUpstream,
		client: amo.Config{
			Rate: s.rate, Generation: s.generation, PageSize: s.pageSize, NoCoalescing: s.noCoalescing,
			UserAgent: userAgent(), Logger: s.logger,
		},
		logger: s.logger,
	}
}

func (c *serveCommand) checkAddresses(p *problems) {
	seen := map[string]string{}
	for _, a := range []struct{ flag, address string }{
		{"rest-addr", c.RESTAddr}, {"grpc-addr", c.GRPCAddr}, {"admin-addr", c.AdminAddr},
	} {
		p.checkListening(a.flag, a.address, c.InsecureNoAuth)
		if other, ok := seen[a.address]; ok && !strings.HasSuffix(a.address, ":0") {
			p.add(a.flag, "%q is --%s already; give each its own port", a.address, other)
		}
		seen[a.address] = a.flag
	}
}

func (c *serveCommand) readDefaultAccount(p *problems) string {
	if c.DefaultAccount != "" && !accountName.MatchString(c.DefaultAccount) {
		p.add("default-account", "%q is not the name of an account; %s", c.DefaultAccount, accountNameRule)
	}
	return c.DefaultAccount
}

func (c *serveCommand) readState(p *problems) storeConfig {
	if c.Sandbox {
		return storeConfig{settings: c.State.Where.readSettings(p)}
	}
	return c.State.read(p)
}

func (c *serveCommand) readUpstream(p *problems, s *settings) {
	switch c.UpstreamAPI {
	case "auto":
		s.generation = amo.Auto
	case "v2":
		s.generation = amo.V2
	case "v4":
		s.generation = amo.V4
	default:
		p.add("upstream-api", "%q is unknown; give auto, v2 or v4", c.UpstreamAPI)
	}
	if (c.UpstreamPageSize < 1 || c.UpstreamPageSize > maxPageSize) && !p.has("upstream-page-size") {
		p.add("upstream-page-size", "%d is not from 1 to %d", c.UpstreamPageSize, maxPageSize)
	}
	p.checkRate(c.Rate, c.AllowInsecureUpstream)
}

func (c *serveCommand) readSandbox(p *problems) *emulator.Config {
	if !c.Sandbox {
		return nil
	}
	if c.SandboxCustomers < 0 || c.SandboxCustomers > emulator.MaxCustomers {
		p.add("sandbox-customers", "%d is not from 0 to %d", c.SandboxCustomers, emulator.MaxCustomers)
	}
	if c.SandboxLatency < 0 {
		p.add("sandbox-latency", "%v is negative; give 0s or more", c.SandboxLatency)
	}
	return &emulator.Config{Customers: c.SandboxCustomers, Notes: sandboxNotes, Latency: c.SandboxLatency}
}

func (c *serveCommand) checkLifecycle(p *problems) {
	if p.has("drain-delay") || p.has("stop-timeout") {
		return
	}
	if c.DrainDelay < 0 {
		p.add("drain-delay", "%v is negative; give 0s or more", c.DrainDelay)
	}
	if c.StopTimeout <= max(c.DrainDelay, 0) {
		p.add("stop-timeout", "%v is not longer than --drain-delay, %v; calls in flight get what is between them", c.StopTimeout, c.DrainDelay)
	}
}
