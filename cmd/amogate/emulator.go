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
	Seed      uint64        `name:"seed" env:"AMOGATE_EMULATOR_SEED" default:"1" help:"Chooses the customers; equal seeds give equal ones."`
	Window    int           `name:"window" env:"AMOGATE_EMULATOR_WINDOW" default:"7" help:"Requests allowed in any second; 0 = any number."`
	Latency   time.Duration `name:"latency" env:"AMOGATE_EMULATOR_LATENCY" default:"0s" help:"Time every answer takes."`
	Fault     string        `name:"fault" env:"AMOGATE_EMULATOR_FAULT" placeholder:"FILE" help:"File with scripted faults, see the package documentation of emulator."`
	Strict    bool          `name:"strict" env:"AMOGATE_EMULATOR_STRICT" help:"Refuse what amoCRM ignores: unknown parameters and keys."`

	unreadable problems
}

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
	var p problems
	logger := p.readLogger("info", "text", out.stderr)
	s := newHTTPServer(e, logger)
	t := newTasks()
	t.add(func() error { return s.Serve(listener) })
	t.start()
	_, err = fmt.Fprintf(out.stdout, "emulator of amoCRM on http://%s\n  token    %s\n  login    %s\n  API key  %s\n  counts   http://%[1]s/__emulator/stats\n",
		listener.Addr(), emulator.DefaultToken, emulator.DefaultLogin, emulator.DefaultAPIKey)
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
	if c.Latency < 0 {
		p.add("latency", "%v is negative; give 0s or more", c.Latency)
	}
	window := c.Window
	if window == 0 {
		window = -1 // the emulator's zero is its default
	}
	var e *emulator.Emulator
	if len(p) == 0 {
		var err error
		if e, err = emulator.New(emulator.Config{
			Customers:     c.Customers,
			CustomersMode: emulator.CustomersMode(c.Mode),
			Notes:         c.Notes,
			FiltersOff:    c.NoFilters,
			Seed:          c.Seed,
			Window:        window,
			Latency:       c.Latency,
			Strict:        c.Strict,
		}); err != nil {
			return nil, &exitError{exitConfig, err}
		}
	}
	c.loadFaults(&p, e)
	return e, p.err()
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
