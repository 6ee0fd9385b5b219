package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

// accountCommands are the commands about accounts.
type accountCommands struct {
	Add    accountAdd    `cmd:"" help:"Add an account, or give one new credentials."`
	List   accountList   `cmd:"" help:"List the accounts."`
	Show   accountShow   `cmd:"" help:"Show an account with its tokens, limits and waits."`
	Remove accountRemove `cmd:"" help:"Remove an account with its tokens."`
	Doctor accountDoctor `cmd:"" help:"Check an account and say what to do; exits with 1 when a check fails."`
}

type accountList struct {
	Admin adminFlags `embed:""`
}

func (c *accountList) refuse(unreadable problems) { c.Admin.refuse(unreadable) }

func (c *accountList) run(ctx context.Context, out streams) error {
	return c.Admin.ask(ctx, out, false, func(ctx context.Context, a *administration) error {
		ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		answer, err := a.ListAccounts(ctx, &adminv1.ListAccountsRequest{})
		if err != nil {
			return err
		}
		return c.Admin.print(out, answer, func(w io.Writer) { writeAccounts(w, answer.GetAccounts(), time.Now()) })
	})
}

type accountShow struct {
	Name  string     `arg:"" help:"Name of the account."`
	Admin adminFlags `embed:""`
}

func (c *accountShow) refuse(unreadable problems) { c.Admin.refuse(unreadable) }

func (c *accountShow) run(ctx context.Context, out streams) error {
	return c.Admin.ask(ctx, out, false, func(ctx context.Context, a *administration) error {
		ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		answer, err := a.GetAccount(ctx, &adminv1.GetAccountRequest{Name: c.Name})
		if err != nil {
			return err
		}
		return c.Admin.print(out, answer, func(w io.Writer) { writeAccount(w, answer, time.Now()) })
	})
}

type accountRemove struct {
	Name  string     `arg:"" help:"Name of the account."`
	Admin adminFlags `embed:""`
}

func (c *accountRemove) refuse(unreadable problems) { c.Admin.refuse(unreadable) }

func (c *accountRemove) run(ctx context.Context, out streams) error {
	return c.Admin.ask(ctx, out, false, func(ctx context.Context, a *administration) error {
		ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		answer, err := a.RemoveAccount(ctx, &adminv1.RemoveAccountRequest{Name: c.Name})
		if err != nil {
			return err
		}
		return c.Admin.print(out, answer, func(w io.Writer) { _, _ = fmt.Fprintf(w, "removed %s\n", c.Name) })
	})
}

type accountDoctor struct {
	Name  string     `arg:"" help:"Name of the account."`
	Admin adminFlags `embed:""`
}

func (c *accountDoctor) refuse(unreadable problems) { c.Admin.refuse(unreadable) }

func (c *accountDoctor) run(ctx context.Context, out streams) error {
	return c.Admin.ask(ctx, out, false, func(ctx context.Context, a *administration) error {
		ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		answer, err := a.CheckAccount(ctx, &adminv1.CheckAccountRequest{Name: c.Name})
		if err != nil {
			return err
		}
		if err := c.Admin.print(out, answer, func(w io.Writer) { writeChecks(w, answer.GetChecks()) }); err != nil {
			return err
		}
		var failed []string
		for _, check := range answer.GetChecks() {
			if check.GetResult() == adminv1.CheckResult_CHECK_RESULT_FAILED {
				failed = append(failed, check.GetName())
			}
		}
		if len(failed) > 0 {
			return fmt.Errorf("account %q does not pass: %s", c.Name, strings.Join(failed, ", "))
		}
		return nil
	})
}

// accountAdd takes secrets from files and standard input only: command lines
// are open to every process of the host.
type accountAdd struct {
	Name       string     `arg:"" help:"Name of the account in calls: 1 to 64 of a-z, 0-9, - and _."`
	URL        string     `name:"url" group:"credentials" placeholder:"URL" help:"The account: https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com. With --oauth it may be left out."`
	TokenFile  string     `name:"token-file" group:"credentials" placeholder:"FILE" help:"File with a long-lived access token; - is standard input."`
	Login      string     `name:"login" group:"credentials" placeholder:"EMAIL" help:"User to log in as over API v2, with --api-key-file."`
	APIKeyFile string     `name:"api-key-file" group:"credentials" placeholder:"FILE" help:"File with the API key of --login; - is standard input."`
	OAuth      bool       `name:"oauth" group:"credentials" help:"Print the address where a person gives the consent, and wait for it."`
	CodeFile   string     `name:"code-file" group:"credentials" placeholder:"FILE" help:"File with the authorization code that a person copied; - is standard input."`
	Replace    bool       `name:"replace" group:"credentials" help:"Give an account that exists new credentials."`
	Admin      adminFlags `embed:""`
}

// ways says how credentials may be given.
const ways = "give one of --token-file, --login with --api-key-file, --oauth, --code-file"

func (c *accountAdd) refuse(unreadable problems) { c.Admin.refuse(unreadable) }

func (c *accountAdd) run(ctx context.Context, out streams) error {
	request, err := c.read(out)
	if err != nil {
		return err
	}
	if c.OAuth {
		return c.authorize(ctx, out)
	}
	return c.Admin.ask(ctx, out, true, func(ctx context.Context, a *administration) error {
		ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		answer, err := a.AddAccount(ctx, request)
		if err != nil {
			return c.explain(err)
		}
		return c.Admin.print(out, answer, func(w io.Writer) { writeAdded(w, answer, time.Now()) })
	})
}

// read checks the flags and reads the secrets.
func (c *accountAdd) read(out streams) (*adminv1.AddAccountRequest, error) {
	p := c.Admin.check()
	request := &adminv1.AddAccountRequest{Name: c.Name, Url: c.URL, Replace: c.Replace}
	if !accountName.MatchString(c.Name) {
		p = append(p, fmt.Sprintf("NAME: %q is not the name of an account; %s", c.Name, accountNameRule))
	}
	given := 0
	for _, is := range []bool{c.TokenFile != "", c.Login != "" || c.APIKeyFile != "", c.OAuth, c.CodeFile != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		p.add("token-file", "%d kinds of credentials are given; %s", given, ways)
	}
	if c.URL == "" && (c.TokenFile != "" || c.Login != "" || c.APIKeyFile != "") {
		p.add("url", "missing; give https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com")
	}
	switch {
	case c.TokenFile != "":
		request.Credentials = &adminv1.AddAccountRequest_AccessToken{AccessToken: p.readSecretFrom(out.stdin, "token-file", c.TokenFile)}
	case c.CodeFile != "":
		request.Credentials = &adminv1.AddAccountRequest_AuthorizationCode{AuthorizationCode: p.readSecretFrom(out.stdin, "code-file", c.CodeFile)}
	case c.Login != "" || c.APIKeyFile != "":
		session := &adminv1.Session{Login: c.Login}
		if c.Login == "" {
			p.add("login", "missing; --api-key-file needs the login that the key belongs to")
		}
		if c.APIKeyFile == "" {
			p.add("api-key-file", "missing; --login needs the file of that user's API key")
		} else {
			session.ApiKey = p.readSecretFrom(out.stdin, "api-key-file", c.APIKeyFile)
		}
		request.Credentials = &adminv1.AddAccountRequest_Session{Session: session}
	}
	return request, p.err()
}

// addFlags are the flags that the fields of a request come from.
var addFlags = strings.NewReplacer(
	"session.api_key", "--api-key-file", "session.login", "--login", "access_token", "--token-file",
	"authorization_code", "--code-file", "credentials", "--token-file", "url", "--url", "name", "--name")

// explain adds what to do to an error, where the administration cannot know the
// commands.
func (c *accountAdd) explain(err error) error {
	s := status.Convert(err)
	if s.Code() == codes.AlreadyExists {
		return fmt.Errorf("%s; add --replace to give it new credentials", s.Message())
	}
	return err
}

// authorizePoll is how often the command looks whether the consent has come
// back.
const authorizePoll = time.Second

// authorize lets a person consent and waits until the account is there.
func (c *accountAdd) authorize(ctx context.Context, out streams) error {
	return c.Admin.ask(ctx, out, true, func(ctx context.Context, a *administration) error {
		if a.direct && !a.shared {
			return &exitError{exitConfig, errors.New("--oauth: no amogate serve is running, and only one answers the consent: " +
				"start it with the --oauth flags, or paste the code of the integration's page with --code-file=-")}
		}
		before, err := c.generation(ctx, a)
		if err != nil {
			return err
		}
		if before > 0 && !c.Replace {
			return fmt.Errorf("there is an account %q already; add --replace to give it new credentials", c.Name)
		}
		asked, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
		defer cancel()
		begun, err := a.BeginAuthorization(asked, &adminv1.BeginAuthorizationRequest{Name: c.Name, Url: c.URL})
		if err != nil {
			return c.explain(err)
		}
		if err := c.Admin.print(out, begun, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "open this address and give the consent, until %s:\n\n  %s\n\n",
				begun.GetExpireTime().AsTime().Format(time.RFC3339), begun.GetAuthorizationUrl())
		}); err != nil {
			return err
		}
		return c.await(ctx, out, a, before, begun.GetExpireTime())
	})
}

// await waits until the account has newer credentials than before.
func (c *accountAdd) await(ctx context.Context, out streams, a *administration, before int64, until *timestamppb.Timestamp) error {
	ctx, cancel := context.WithDeadline(ctx, until.AsTime())
	defer cancel()
	tick := time.NewTicker(authorizePoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return errors.New("the consent did not come back in time; run the command again")
			}
			return fmt.Errorf("stopped waiting; a consent that comes back until %s still adds the account",
				until.AsTime().Format(time.RFC3339))
		case <-tick.C:
		}
		answer, err := a.GetAccount(ctx, &adminv1.GetAccountRequest{Name: c.Name})
		switch {
		case status.Code(err) == codes.NotFound:
		case err != nil && ctx.Err() == nil:
			return err
		case err == nil && answer.GetCredentials().GetGeneration() > before:
			return c.Admin.print(out, answer, func(w io.Writer) { writeAdded(w, answer, time.Now()) })
		}
	}
}

// generation returns that of the account's credentials, 0 when there is no
// account.
func (c *accountAdd) generation(ctx context.Context, a *administration) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Admin.Timeout)
	defer cancel()
	answer, err := a.GetAccount(ctx, &adminv1.GetAccountRequest{Name: c.Name})
	if status.Code(err) == codes.NotFound {
		return 0, nil
	}
	return answer.GetCredentials().GetGeneration(), err
}
