package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/amogate/amogate/emulator"
)

// emulatorStopTimeout is how long answers in flight get; scripted ones may
// drip for ever.
const emulatorStopTimeout = 5 * time.Second

// sandboxNotes are enough to see every type of notes.
const sandboxNotes = 40

type emulatorCommand struct {
	Addr      string        `name:"addr" env:"AMOGATE_EMULATOR_ADDR" default:"127.0.0.1:8081" help:"Address to listen on. Port 0 takes a free one."`
	Customers int           `name:"customers" env:"AMOGATE_EMULATOR_CUSTOMERS" default:"1200" help:"Customers to begin with."`
	Mode      string        `name:"customers-mode" env:"AMOGATE_EMULATOR_CUSTOMERS_MODE" enum:"periodicity,segments,disabled,unavailable" default:"periodicity" help:"How customers work: ${enum}."`
	Notes     int           `name:"notes" env:"AMOGATE_EMULATOR_NOTES" default:"40" help:"Notes of each kind of records to begin with."`
	NoFilters bool          `name:"no-filters" env:"AMOGATE_EMULATOR_NO_FILTERS" help:"Be an account that has not paid for the filters of API v4: they are ignored."`
	ListByID  bool          `name:"list-by-id" env:"AMOGATE_EMULATOR_LIST_BY_ID" help:"List records over API v2 in the order of their ids instead of that of their changes."`
	Seed      uint64        `name:"seed" env:"AMOGATE_EMULATOR_SEED" default:"1" help:"Chooses the customers; equal seeds give equal ones."`
	Window    int           `name:"window" env:"AMOGATE_EMULATOR_WINDOW" default:"7" help:"Requests allowed in any second; 0 = any number."`
	BanAfter  int           `name:"ban-after" env:"AMOGATE_EMULATOR_BAN_AFTER" default:"10" help:"Requests over the limit within --ban-span that get the account banned; 0 = never."`
	BanSpan   time.Duration `name:"ban-span" env:"AMOGATE_EMULATOR_BAN_SPAN" default:"10s" help:"Time in which they are counted."`
	BanFor    time.Duration `name:"ban-for" env:"AMOGATE_EMULATOR_BAN_FOR" default:"15m" help:"Time a ban lasts."`
	BanHTML   bool          `name:"ban-html" env:"AMOGATE_EMULATOR_BAN_HTML" help:"Answer API v2 during a ban with a page of the web server too."`
	Host      string        `name:"host" env:"AMOGATE_EMULATOR_HOST" placeholder:"HOST" help:"The only host, without a port, the account answers to. Default: any."`
	Latency   time.Duration `name:"latency" env:"AMOGATE_EMULATOR_LATENCY" default:"0s" help:"Time every answer takes."`
	PerItem   time.Duration `name:"latency-per-item" env:"AMOGATE_EMULATOR_LATENCY_PER_ITEM" default:"0s" help:"Time it takes longer for every item of a write."`
	Random    bool          `name:"seed-random" env:"AMOGATE_EMULATOR_SEED_RANDOM" help:"Spread the changes of the customers by chance over --seed-span, instead of evenly over three years."`
	Span      time.Duration `name:"seed-span" env:"AMOGATE_EMULATOR_SEED_SPAN" default:"26280h" help:"Time before 2025 that --seed-random spreads them over."`
	Burst     int           `name:"seed-burst" env:"AMOGATE_EMULATOR_SEED_BURST" default:"0" help:"With --seed-random, customers that changed in one second, as by an import; 0 = none."`
	ListDelay time.Duration `name:"list-delay" env:"AMOGATE_EMULATOR_LIST_DELAY" default:"0s" help:"Time after which lists of customers show a change."`
	Events    time.Duration `name:"event-delay" env:"AMOGATE_EMULATOR_EVENT_DELAY" default:"0s" help:"Time after which events tell of a change."`
	Fault     string        `name:"fault" env:"AMOGATE_EMULATOR_FAULT" placeholder:"FILE" help:"File with scripted faults, see the package documentation of emulator."`
	Strict    bool          `name:"strict" env:"AMOGATE_EMULATOR_STRICT" help:"Refuse what amoCRM ignores: unknown parameters and keys."`

	emulatorIntegration `embed:""`

	unreadable problems
}

func (c *emulatorCommand) refuse(unreadable problems) { c.unreadable = unreadable }

func (c *emulatorCommand) run(ctx context.Context, out streams) error {
	e, err := c.build()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return &exitError{exitUnavailable, fmt.Errorf("listen: --addr: %w", err)}
	}
	e.SetAddress(listener.Addr().String())
	var p problems
	logger := p.readLogger("info", "text", out.stderr)
	s := newHTTPServer(e, logger)
	t := newTasks()
	t.add(func() error { return s.Serve(listener) })
	t.start()
	integration := c.config()
	_, err = fmt.Fprintf(out.stdout, "emulator of amoCRM on http://%s\n  token    %s\n  login    %s\n  API key  %s\n  client   %s\n  secret   %s\n  redirect %s\n  counts   http://%[1]s/__emulator/stats\n",
		listener.Addr(), emulator.DefaultToken, emulator.DefaultLogin, emulator.DefaultAPIKey,
		integration.ClientID, integration.ClientSecret, integration.RedirectURL)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-t.failed:
		}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), emulatorStopTimeout)
	defer cancel()
	err = errors.Join(err, stopHTTP(bounded, s))
	t.wait()
	return err
}

// build checks the flags and makes the emulator.
func (c *emulatorCommand) build() (*emulator.Emulator, error) {
	p := c.unreadable
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		p.add("addr", "%q is not an address; give HOST:PORT, for instance 127.0.0.1:8081", c.Addr)
	}
	if c.Customers < 0 || c.Customers > emulator.MaxCustomers {
		p.add("customers", "%d is not from 0 to %d", c.Customers, emulator.MaxCustomers)
	}
	if c.Notes < 0 || c.Notes > emulator.MaxCustomers {
		p.add("notes", "%d is not from 0 to %d", c.Notes, emulator.MaxCustomers)
	}
	if c.Window < 0 {
		p.add("window", "%d is negative; 0 admits any number", c.Window)
	}
	if c.BanAfter < 0 {
		p.add("ban-after", "%d is negative; 0 bans nobody", c.BanAfter)
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"ban-span", c.BanSpan}, {"ban-for", c.BanFor}} {
		if d.value <= 0 {
			p.add(d.flag, "%v is not above 0; give for instance 10s", d.value)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"latency", c.Latency}, {"latency-per-item", c.PerItem}, {"list-delay", c.ListDelay}, {"event-delay", c.Events}} {
		if d.value < 0 {
			p.add(d.flag, "%v is negative; give 0s or more", d.value)
		}
	}
	if c.Span < time.Second || c.Span > emulator.MaxSeedSpan {
		p.add("seed-span", "%v is not from 1s to %v", c.Span, emulator.MaxSeedSpan)
	}
	if c.Burst < 0 {
		p.add("seed-burst", "%d is negative; 0 makes none", c.Burst)
	}
	spread := emulator.SeedEven
	if c.Random {
		spread = emulator.SeedRandom
	}
	c.check(&p)
	var e *emulator.Emulator
	if len(p) == 0 {
		var err error
		if e, err = emulator.New(emulator.Config{
			Customers:      c.Customers,
			SeedSpread:     spread,
			SeedSpan:       c.Span,
			SeedBurst:      c.Burst,
			LatencyPerItem: c.PerItem,
			ListDelay:      c.ListDelay,
			EventDelay:     c.Events,
			CustomersMode:  emulator.CustomersMode(c.Mode),
			Notes:          c.Notes,
			FiltersOff:     c.NoFilters,
			ListByID:       c.ListByID,
			Seed:           c.Seed,
			Window:         orNone(c.Window),
			BanAfter:       orNone(c.BanAfter),
			BanSpan:        c.BanSpan,
			BanFor:         c.BanFor,
			BanHTML:        c.BanHTML,
			Host:           c.Host,
			OAuth:          c.config(),
			Latency:        c.Latency,
			Strict:         c.Strict,
		}); err != nil {
			return nil, &exitError{exitConfig, err}
		}
	}
	c.loadFaults(&p, e)
	return e, p.err()
}

// orNone makes the emulator's "no limit" of a flag's 0; the emulator's own 0
// is its default.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// loadFaults reads the fault file into e, which is nil when other flags are
// wrong; the file is checked all the same.
func (c *emulatorCommand) loadFaults(p *problems, e *emulator.Emulator) {
	if c.Fault == "" {
		return
	}
	file, err := os.Open(c.Fault)
	if err != nil {
		p.add("fault", "%v", err)
		return
	}
	defer file.Close() //nolint:errcheck // nothing was written
	if e == nil {
		if e, err = emulator.New(emulator.Config{}); err != nil {
			p.add("fault", "%v", err)
			return
		}
	}
	if err := e.LoadFaults(file); err != nil {
		p.add("fault", "%q: %v", c.Fault, err)
	}
}
