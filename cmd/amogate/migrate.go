package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amogate/amogate/store"
)

type migrateCommand struct {
	DryRun  bool          `name:"dry-run" help:"Print the SQL that is missing and change nothing."`
	Timeout time.Duration `name:"timeout" default:"5m" help:"Longest time to wait for the store."`
	State   storeFlags    `embed:""`

	unreadable problems
}

func (c *migrateCommand) refuse(unreadable problems) { c.unreadable = unreadable }

func (c *migrateCommand) run(ctx context.Context, out streams) error {
	p := c.unreadable
	config := c.State.read(&p)
	if c.Timeout <= 0 && !p.has("timeout") {
		p.add("timeout", "%v is not above 0s", c.Timeout)
	}
	logger := p.readLogger("warn", "text", out.stderr)
	if err := p.err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	options := store.Options{Dir: config.dir, Settings: config.settings, Logger: logger, Migrate: true}
	pending, err := store.Pending(ctx, config.url, options)
	if held, ok := errors.AsType[*store.HeldError](err); ok {
		// A file is migrated when it is opened.
		_, err := fmt.Fprintf(out.stdout, "the schema is up to date: process %d serves with it\n", held.PID)
		return err
	}
	if err != nil {
		return storeError(err)
	}
	if c.DryRun {
		for _, m := range pending {
			if _, err := fmt.Fprintf(out.stdout, "-- %d: %s\n%s\n", m.Version, m.Name, m.SQL); err != nil {
				return err
			}
		}
	}
	if len(pending) == 0 {
		_, err := fmt.Fprintln(out.stdout, "the schema is up to date")
		return err
	}
	if c.DryRun {
		return nil
	}
	opened, err := store.Open(ctx, config.url, options)
	if err != nil {
		return storeError(err)
	}
	for _, m := range pending {
		if _, err := fmt.Fprintf(out.stdout, "applied %d: %s\n", m.Version, m.Name); err != nil {
			return errors.Join(err, opened.Close())
		}
	}
	return opened.Close()
}
