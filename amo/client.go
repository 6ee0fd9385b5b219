package amo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
)

// Defaults of Config.
const (
	// DefaultRate is one below the vendor's 7 requests a second: with burst 1
	// and up to 150 ms of network jitter no second then holds more than 7.
	DefaultRate = 6
	// defaultPageSize is the vendor's largest page of API v2.
	defaultPageSize = 500
)

// Config is the configuration of a Client. The zero value of a field means its
// default; Account, BaseURL and Auth have none.
type Config struct {
	// Account is the name of the account in errors and logs.
	Account string
	// Identity tells the account from every other that has, had or will have its
	// name. Default: Account and the host of BaseURL.
	Identity string
	// BaseURL is the root of the account's API: https://shop.amocrm.ru.
	BaseURL *url.URL
	// Auth are the credentials: BearerToken, Session or Kept.
	Auth Auth
	// Transport carries the requests. Default: NewTransport with the three below.
	Transport http.RoundTripper
	// Settings are the durations. Default: settings.Default.
	Settings settings.Settings
	// Lookup finds the addresses of hosts. Default: the resolver of the system.
	Lookup Lookup
	// AllowInsecure lets connections go to addresses that are not public, for
	// tests and the sandbox.
	AllowInsecure bool
	// Limiter paces all requests, logins and retries included; the client does not
	// close it. Default: one of its own at Rate, which knows of no other process.
	Limiter *limit.Limiter
	// Rate is the most requests a second where Limiter is not set: above 0, at
	// most 7, with AllowInsecure at most 1000. Default 6.
	Rate float64
	// Retries is the budget of retries that the clients of a process share; each
	// client has one of its own beside it. Default: none.
	Retries *RetryBudget
	// Generation forces one generation of the upstream API. Default Auto.
	Generation Generation
	// PageSize is the most rows of an upstream page, 1 to 500. Default 500.
	PageSize int
	// NoCoalescing gives every call requests of its own, for comparison: items of
	// several callers do not go together, and no read serves two. Default: they do.
	NoCoalescing bool
	// UserAgent of the requests. Default "amogate".
	UserAgent string
	// Logger gets retries, logins and odd answers. Default: none.
	Logger *slog.Logger
}

// withDefaults returns the configuration with every default filled in.
func (c Config) withDefaults() Config {
	if c.Settings == (settings.Settings{}) {
		c.Settings = settings.Default()
	}
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.PageSize == 0 {
		c.PageSize = defaultPageSize
	}
	if c.UserAgent == "" {
		c.UserAgent = "amogate"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate returns everything that is wrong.
func (c Config) validate() error {
	var errs []error
	if c.Account == "" {
		errs = append(errs, errors.New("account: a name is required"))
	}
	switch {
	case c.BaseURL == nil:
		errs = append(errs, errors.New("base url: required"))
	case c.BaseURL.Host == "" || (c.BaseURL.Scheme != "https" && c.BaseURL.Scheme != "http"):
		errs = append(errs, fmt.Errorf("base url %q: want https://host", c.BaseURL.Redacted()))
	}
	if c.Auth == nil {
		errs = append(errs, errors.New("auth: a token or a login with its key is required"))
	} else if err := c.Auth.validate(); err != nil {
		errs = append(errs, err)
	}
	if err := limit.CheckRate(c.Rate, c.AllowInsecure); err != nil {
		errs = append(errs, err)
	}
	if c.PageSize < 1 || c.PageSize > defaultPageSize {
		errs = append(errs, fmt.Errorf("page size %d: must be 1 to %d", c.PageSize, defaultPageSize))
	}
	if c.Generation != Auto && c.Generation != V2 && c.Generation != V4 {
		errs = append(errs, fmt.Errorf("generation %d: must be auto, v2 or v4", c.Generation))
	}
	return errors.Join(errs...)
}

// tellsConnections says whether a transport calls the hooks of httptrace.
func tellsConnections(transport http.RoundTripper) bool {
	_, ok := transport.(*http.Transport)
	return ok
}

// Client is the client of one account. It is safe for concurrent use; all its
// requests share one limiter. Close it when it is no longer used.
type Client struct {
	config Config
	// base is the root of the account's API; it changes when the account moves.
	base    atomic.Pointer[url.URL]
	http    *http.Client
	limiter *limit.Limiter
	retries *RetryBudget
	// distrust are the operations that new credentials do not help.
	distrust *distrust
	// connects says that the transport tells when it has a connection.
	connects bool
	// connecting tells how long before its slot a request is to get one.
	connecting  connecting
	credentials credentials
	// accounts is what each generation tells of the account.
	accounts map[Generation]*dictionary[*driver.Env]
	metrics  *metrics

	customers    Customers
	transactions Transactions
	periods      *Periods
	statuses     Statuses
	segments     Segments
	notes        *Notes

	// skew is upstream's clock minus ours, in nanoseconds, as the last answer
	// showed it.
	skew atomic.Int64
	// succeeded is when upstream last answered with success, in nanoseconds.
	succeeded atomic.Int64

	// life ends with Close; requests that serve many callers hang on it.
	life context.Context //nolint:containedctx // the life of the client, not of a call
	end  context.CancelFunc
}

// New returns a client. It sends nothing.
func New(config Config) (*Client, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("amo: %w", err)
	}
	if config.Transport == nil {
		transport, err := NewTransport(TransportConfig{Settings: config.Settings, Lookup: config.Lookup, AllowInsecure: config.AllowInsecure})
		if err != nil {
			return nil, err
		}
		config.Transport = transport
	}
	m, err := newMetrics()
	if err != nil {
		return nil, fmt.Errorf("amo: metrics: %w", err)
	}
	limiter := config.Limiter
	if limiter == nil {
		limiter, err = limit.New(limit.Config{
			Account: config.Account, Rate: config.Rate, Emulated: config.AllowInsecure, Store: limit.NewMemory(config.Settings.FirstSlot),
			Settings: config.Settings, Logger: config.Logger,
		})
		if err != nil {
			return nil, fmt.Errorf("amo: %w", err)
		}
	}
	c := &Client{
		config: config,
		http: &http.Client{
			Transport: unfollowed{config.Transport},
			// A redirect would carry the credentials to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		limiter:  limiter,
		retries:  NewRetryBudget(config.Settings),
		distrust: newDistrust(config.Settings),
		connects: tellsConnections(config.Transport),
		accounts: map[Generation]*dictionary[*driver.Env]{V2: {}, V4: {}},
		metrics:  m,
	}
	c.base.Store(config.BaseURL)
	c.life, c.end = context.WithCancel(context.Background())
	if c.credentials, err = config.Auth.credentials(c); err != nil {
		c.end()
		return nil, fmt.Errorf("amo: %w", err)
	}
	c.customers = newCustomers(c)
	c.transactions = newTransactions(c)
	c.periods = newPeriods(c)
	c.statuses = newStatuses(c)
	c.segments = newSegments(c)
	c.notes = newNotes(c)
	return c, nil
}

// Customers returns the customers of the account.
func (c *Client) Customers() Customers { return c.customers }

// Transactions returns the transactions of the account.
func (c *Client) Transactions() Transactions { return c.transactions }

// Periods returns the periods of the account.
func (c *Client) Periods() *Periods { return c.periods }

// Statuses returns the statuses of the account's customers.
func (c *Client) Statuses() Statuses { return c.statuses }

// Segments returns the segments of the account's customers.
func (c *Client) Segments() Segments { return c.segments }

// Notes returns the notes of the account.
func (c *Client) Notes() *Notes { return c.notes }

// Account returns the name of the account.
func (c *Client) Account() string { return c.config.Account }

// Identity tells the account from every other of its name.
func (c *Client) Identity() string {
	return cmp.Or(c.config.Identity, c.config.Account+" "+c.config.BaseURL.Host)
}

// Move makes every further request go to another host, after the account has got
// another name.
func (c *Client) Move(to Host) { c.base.Store(to.URL()) }

// Close ends what the client does on behalf of many callers and lets go of idle
// connections. Calls in flight go on under their own contexts, and so do the
// requests that they share; those of calls that have ended are given up.
func (c *Client) Close() {
	c.end()
	if c.config.Limiter == nil {
		c.limiter.Close()
	}
	c.http.CloseIdleConnections()
}

// upstreamNow is the time by upstream's clock, as far as it is known.
func (c *Client) upstreamNow() time.Time {
	return time.Now().Add(time.Duration(c.skew.Load()))
}

// noteClock takes upstream's clock from an answer. Its seconds are truncated,
// so half a second is added.
func (c *Client) noteClock(header http.Header) {
	t, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	skew := time.Until(t.Add(500 * time.Millisecond))
	if skew.Abs() < 2*time.Second {
		skew = 0 // within what truncation and latency explain
	}
	c.skew.Store(int64(skew))
}
