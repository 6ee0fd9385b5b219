package main

import (
	"context"
	"errors"
	"time"
)

// adminFlags are those of every command that asks the administration.
type adminFlags struct {
	AdminAddr string        `name:"admin-addr" env:"AMOGATE_ADMIN_ADDR" placeholder:"HOST:PORT" help:"Ask the serve with this admin address. Default: the one that has the store open; when there is none, the store is opened here."`
	Timeout   time.Duration `name:"timeout" default:"1m" help:"Longest time to wait for an answer."`
	Output    string        `name:"output" default:"text" help:"Form of the answer: text for people, json for programs."`

	State stateFlags `embed:""`
	OAuth oauthFlags `embed:""`

	Rate                  float64 `name:"rate" env:"AMOGATE_RATE" group:"upstream" default:"6" help:"Requests a second to an account when the store is opened here; above 0, at most 7; with --allow-insecure-upstream at most 1000."`
	AllowInsecureUpstream bool    `name:"allow-insecure-upstream" env:"AMOGATE_ALLOW_INSECURE_UPSTREAM" group:"upstream" help:"Allow accounts with plain http or outside of amoCRM's domains when the store is opened here, for tests."`

	unreadable problems
}

func (f *adminFlags) refuse(unreadable problems) { f.unreadable = unreadable }

// check returns what is wrong with the flags, but for those that count only
// when the store is opened here.
func (f *adminFlags) check() problems {
	p := f.unreadable
	if f.AdminAddr != "" {
		p.checkAddress("admin-addr", f.AdminAddr)
	}
	if f.Timeout <= 0 && !p.has("timeout") {
		p.add("timeout", "%v is not above 0s", f.Timeout)
	}
	if f.Output != "text" && f.Output != "json" {
		p.add("output", "%q is unknown; give text or json", f.Output)
	}
	p.checkRate(f.Rate, f.AllowInsecureUpstream)
	return p
}

// ask connects to the administration and lets a command ask it. makes says that
// the command may make a store that is not there yet.
func (f *adminFlags) ask(ctx context.Context, out streams, makes bool, do func(context.Context, *administration) error) error {
	a, err := f.connect(ctx, out, makes)
	if err != nil {
		return err
	}
	err = do(ctx, a)
	return errors.Join(adminError(err), a.close(context.WithoutCancel(ctx)))
}
