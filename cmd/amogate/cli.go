package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/alecthomas/kong"
)

// Exit codes, those above 1 from sysexits.h. docs/operations.md tells them to
// operators.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 64
	exitUnavailable = 69
	exitHeld        = 75
	exitConfig      = 78
)

// cli is the whole command line.
type cli struct {
	Help helpFlag `short:"h" help:"Show this help."`

	Serve       serveCommand       `cmd:"" help:"Serve the API over gRPC and REST."`
	Account     accountCommands    `cmd:"" help:"Add, list, show, check and remove accounts."`
	Keyring     keyringCommands    `cmd:"" help:"Make a key ring, or rotate the keys of one in use."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the schema of the store up to date."`
	Emulator    emulatorCommand    `cmd:"" help:"Serve an emulated amoCRM account."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running amogate whether it serves; exits with 0 or 1."`
	Version     versionCommand     `cmd:"" help:"Show the version."`
}

// streams are the input and the outputs of a command.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// command is one of the commands of cli.
type command interface {
	run(ctx context.Context, out streams) error
}

// checkedCommand is a command that reports values which cannot be read together
// with everything else that is wrong.
type checkedCommand interface {
	command
	refuse(unreadable problems)
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

var errHelpShown = errors.New("help was shown")

// helpFlag shows the help of the selected command and ends parsing.
type helpFlag bool

// BeforeReset is called by kong when the flag is given.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelpShown
}

// run executes one command line and returns the exit code of the process.
// Cancelling ctx stops a server in good order.
func run(ctx context.Context, args []string, out streams) int {
	err := execute(ctx, args, out)
	if err == nil {
		return exitOK
	}
	// Nothing is left to do when stderr cannot be written.
	_, _ = fmt.Fprintf(out.stderr, "amogate: %v\n", err)
	if coded, ok := errors.AsType[*exitError](err); ok {
		return coded.code
	}
	return exitFailed
}

func execute(ctx context.Context, args []string, out streams) error {
	var line cli
	var bad badInput
	parser, err := newParser(&line, &bad, out)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if errors.Is(err, errHelpShown) {
		return nil
	}
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%w; see amogate --help", err)}
	}
	selected, ok := reflect.TypeAssert[command](parsed.Selected().Target.Addr())
	if !ok {
		return fmt.Errorf("command %q is not wired", parsed.Selected().Name)
	}
	if checked, ok := selected.(checkedCommand); ok {
		checked.refuse(bad.of(parsed.Selected()))
	}
	return selected.run(ctx, out)
}

// newParser returns the parser of the command line. What it cannot read of a
// value goes to bad, so that it is reported with everything else that is wrong.
func newParser(line *cli, bad *badInput, out streams) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name("amogate"),
		kong.Description("One service between programs and amoCRM: gRPC and REST over normalized data."),
		kong.NoDefaultHelp(),
		kong.Writers(out.stdout, out.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "listening", Title: "Listening:"},
			{Key: "account", Title: "Account:", Description: "The account of these flags is named default. Its token may also come in $AMOGATE_ACCOUNT_TOKEN."},
			{Key: "credentials", Title: "Credentials:", Description: "One of a token, a login with its key, --oauth and --code-file."},
			{Key: "store", Title: "Store:"},
			{Key: "oauth", Title: "OAuth integration:", Description: "Id, secret and redirect address, or none of them. The secret may also come in $AMOGATE_OAUTH_CLIENT_SECRET."},
			{Key: "upstream", Title: "Upstream:"},
			{Key: "sandbox", Title: "Sandbox:"},
			{Key: "logging", Title: "Logging:"},
			{Key: "lifecycle", Title: "Lifecycle:"},
		}),
	}
	return kong.New(line, append(options, bad.mappers()...)...)
}
