package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
	"github.com/amogate/amogate/keyring"
)

// keyringCommands are the commands about the key ring.
type keyringCommands struct {
	Generate keyringGenerate `cmd:"" help:"Make a key ring of one new key."`
	Rotate   keyringRotate   `cmd:"" help:"Make a new key and seal everything with it, while calls go on."`
}

type keyringGenerate struct {
	File string `arg:"" help:"File to make, with mode 0600."`
}

func (c *keyringGenerate) run(_ context.Context, out streams) error {
	ring, err := keyring.Generate(c.File)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	_, err = fmt.Fprintf(out.stdout, "made %s with the key %s; keep a copy apart from the store: without it no token can be read\n", c.File, ring.Active())
	return err
}

type keyringRotate struct {
	ResealOnly bool       `name:"reseal-only" help:"Make no key: seal everything with the ring's active one. For a ring that is managed elsewhere."`
	Prune      bool       `name:"prune" help:"Take keys that seal nothing any more out of the ring's file. Backups of the store that need them cannot be read then."`
	Admin      adminFlags `embed:""`
}

func (c *keyringRotate) refuse(unreadable problems) { c.Admin.refuse(unreadable) }

func (c *keyringRotate) run(ctx context.Context, out streams) error {
	return c.Admin.ask(ctx, out, false, func(ctx context.Context, a *administration) error {
		ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		answer, err := a.RotateKeyring(ctx, &adminv1.RotateKeyringRequest{ResealOnly: c.ResealOnly, Prune: c.Prune})
		if err != nil {
			return err
		}
		return c.Admin.print(out, answer, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "sealed with %s now: %d accounts; keys in the ring: %s\n",
				answer.GetActiveKeyId(), answer.GetResealed(), strings.Join(answer.GetKeyIds(), ", "))
		})
	})
}
