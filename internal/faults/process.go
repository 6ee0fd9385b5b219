package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	// drainDelay is that of the processes which are stopped here; the default
	// only makes the rows longer.
	drainDelay = time.Second
	// afterDrain is what a process without calls, and a stream, gets on top.
	afterDrain = time.Second
	// unaryBound is how long unary calls get after the drain delay.
	unaryBound = 25 * time.Second
)

// stopIdle stops a process whose callers are connected and ask nothing.
func (x *executable) stopIdle(ctx context.Context) (string, error) {
	c, err := x.sandbox(ctx, "--drain-delay="+drainDelay.String())
	if err != nil {
		return "", err
	}
	defer c.kill()
	conn, err := dial(c.grpc)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // the row is over
	if _, err := amogatev1.NewCustomerServiceClient(conn).ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{}); err != nil {
		return "", fmt.Errorf("call over gRPC: %w", err)
	}
	if err := getJSON(ctx, "http://"+c.rest+"/readyz", &struct{}{}); err != nil {
		return "", err
	}

	begun := time.Now()
	if err := c.terminate(); err != nil {
		return "", err
	}
	if err := c.wait(ctx); err != nil {
		return "", err
	}
	took := time.Since(begun)
	switch {
	case took < drainDelay:
		return "", fmt.Errorf("exit after %s, before the drain delay of %s", round(took), drainDelay)
	case took > drainDelay+afterDrain:
		return "", fmt.Errorf("exit after %s", round(took))
	}
	return round(took), nil
}

// stopInCall stops a process while upstream lets a unary call wait, well beyond
// the drain delay.
func (x *executable) stopInCall(ctx context.Context) (string, error) {
	const latency = 2 * time.Second
	c, err := x.sandbox(ctx, "--drain-delay="+drainDelay.String(), "--sandbox-latency="+latency.String())
	if err != nil {
		return "", err
	}
	defer c.kill()
	conn, err := dial(c.grpc)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // the row is over

	type result struct {
		transport string
		err       error
		at        time.Time
	}
	results := make(chan result, 2)
	go func() {
		page, err := amogatev1.NewCustomerServiceClient(conn).ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 1})
		if err == nil && len(page.GetCustomers()) != 1 {
			err = fmt.Errorf("got %d customers, want 1", len(page.GetCustomers()))
		}
		results <- result{"gRPC", err, time.Now()}
	}()
	go func() {
		err := getJSON(ctx, "http://"+c.rest+"/v1/customers?page_size=1", &struct{}{})
		results <- result{"REST", err, time.Now()}
	}()
	if err := c.inFlight(ctx); err != nil {
		return "", err
	}
	begun := time.Now()
	if err := c.terminate(); err != nil {
		return "", err
	}
	var took time.Duration
	for range cap(results) {
		r := <-results
		if r.err != nil {
			return "", fmt.Errorf("the call over %s: %w", r.transport, r.err)
		}
		took = max(took, r.at.Sub(begun))
	}
	if err := c.wait(ctx); err != nil {
		return "", err
	}
	switch {
	case took < drainDelay:
		return "", fmt.Errorf("the call ended after %s: it was not in flight after the drain delay", round(took))
	case took > drainDelay+unaryBound:
		return "", fmt.Errorf("the call ended after %s", round(took))
	}
	return "calls over gRPC and REST OK after " + round(took), nil
}

// stopInStream stops a process under two streams and resumes both at the next
// one, which reads upstream in pages of another size.
func (x *executable) stopInStream(ctx context.Context) (string, error) {
	const customers = "--sandbox-customers=2000"
	first, err := x.sandbox(ctx, customers, "--upstream-page-size=50", "--sandbox-latency=20ms", "--drain-delay="+drainDelay.String())
	if err != nil {
		return "", err
	}
	defer first.kill()
	conn, err := dial(first.grpc)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // the row is over

	type result struct {
		list *listed
		err  error
		at   time.Time
	}
	overREST := make(chan result, 1)
	go func() {
		l, err := listREST(ctx, first.rest, "")
		overREST <- result{l, err, time.Now()}
	}()
	var begun time.Time
	var signalled error
	over, err := list(ctx, conn, "", func(l *listed) {
		if len(l.ids) == 100 {
			begun = time.Now()
			signalled = first.terminate()
		}
	})
	took := time.Since(begun)
	rest := <-overREST
	if err := errors.Join(err, signalled, rest.err); err != nil {
		return "", err
	}
	took = max(took, rest.at.Sub(begun))
	for _, l := range []*listed{over, rest.list} {
		if l.ended {
			return "", errors.New("a list came to its end, so that nothing was cut")
		}
		if err := l.failed.want(codes.Unavailable, "SERVER_DRAINING"); err != nil {
			return "", err
		}
	}
	if took > drainDelay+afterDrain {
		return "", fmt.Errorf("streams ended after %s", round(took))
	}
	if err := first.wait(ctx); err != nil {
		return "", err
	}
	if err := x.resume(ctx, over, rest.list, customers); err != nil {
		return "", err
	}
	return fmt.Sprintf("ended after %s behind %d rows over gRPC and %d over REST; both resumed", round(took), len(over.ids), len(rest.list.ids)), nil
}

// resume reads the tails of two cut lists from a new process and compares the
// whole with a list that was not cut.
func (x *executable) resume(ctx context.Context, over, overREST *listed, customers string) error {
	next, err := x.sandbox(ctx, customers, "--sandbox-latency=20ms", "--drain-delay=0s")
	if err != nil {
		return err
	}
	defer next.kill()
	conn, err := dial(next.grpc)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the row is over
	whole, err := list(ctx, conn, "", nil)
	if err != nil {
		return err
	}
	tail, err := list(ctx, conn, over.token, nil)
	if err != nil {
		return err
	}
	tailREST, err := listREST(ctx, next.rest, overREST.token)
	if err != nil {
		return err
	}
	for _, l := range []struct {
		transport  string
		head, tail *listed
	}{{"gRPC", over, tail}, {"REST", overREST, tailREST}} {
		if !whole.ended || !l.tail.ended {
			return fmt.Errorf("%s: a list broke off: %s, %s", l.transport, whole.failed, l.tail.failed)
		}
		if !slices.Equal(slices.Concat(l.head.ids, l.tail.ids), whole.ids) {
			return fmt.Errorf("%s: %d rows before the cut and %d after it are not the %d rows of the list", l.transport, len(l.head.ids), len(l.tail.ids), len(whole.ids))
		}
	}
	return nil
}

// secret is in every place of a bad configuration that takes one.
const secret = "s3cr3t-do-not-show"

// badSettings is a wrong configuration of serve.
type badSettings struct {
	// flags are wrong values by the flag that the error has to name.
	flags map[string]string
	env   []string
}

// keyFile stands for the path of a file with two words in it.
const keyFile = "KEYFILE"

// badConfigurations are wrong in every flag that can be.
var badConfigurations = []badSettings{
	{flags: map[string]string{
		"rest-addr":            "0.0.0.0:8080",
		"grpc-addr":            "nowhere",
		"admin-addr":           "127.0.0.1:http-port",
		"account-url":          "http://user:" + secret + "@shop.example.com/path?token=" + secret,
		"account-login":        "",
		"account-api-key-file": keyFile,
		"default-account":      "No Name",
		"store":                "postgres://user:" + secret + "@127.0.0.1/amogate",
		"oauth-client-id":      "",
		"oauth-redirect-url":   "http://example.com/?token=" + secret,
		"oauth-zone":           "example.com",
		"upstream-api":         "v3",
		"upstream-page-size":   "501",
		"rate":                 "8",
		"log-level":            "loud",
		"log-format":           "xml",
		"drain-delay":          "-1s",
		"data-dir":             keyFile,
	}},
	// Who takes the flag for the secret itself must not find it in the log.
	{flags: map[string]string{"account-token-file": secret, "account-url": "", "stop-timeout": "soon"}},
	{flags: map[string]string{"account-login": "admin@example.com"}, env: []string{"AMOGATE_ACCOUNT_TOKEN=" + secret, "AMOGATE_ACCOUNT_URL=https://shop.amocrm.ru"}},
	{flags: map[string]string{"account-token-file": keyFile}, env: []string{"AMOGATE_ACCOUNT_TOKEN=" + secret, "AMOGATE_ACCOUNT_URL=https://shop.amocrm.ru"}},
}

// badConfig starts a process with each wrong configuration.
func (x *executable) badConfig(ctx context.Context, configurations []badSettings) (string, error) {
	path, err := x.build(ctx)
	if err != nil {
		return "", err
	}
	file := filepath.Join(filepath.Dir(path), "key")
	if err := os.WriteFile(file, []byte(secret+" "+secret), 0o600); err != nil {
		return "", fmt.Errorf("write key: %w", err)
	}
	named := 0
	var slowest time.Duration
	for _, c := range configurations {
		args := []string{"serve"}
		for flag, value := range c.flags {
			args = append(args, "--"+flag+"="+strings.Replace(value, keyFile, file, 1))
		}
		cmd, err := x.command(ctx, c.env, args)
		if err != nil {
			return "", err
		}
		begun := time.Now()
		output, err := cmd.CombinedOutput()
		slowest = max(slowest, time.Since(begun))
		var exit *exec.ExitError
		switch {
		case err == nil:
			return "", errors.New("exit 0")
		case !errors.As(err, &exit):
			return "", fmt.Errorf("run amogate: %w", err)
		case strings.Contains(string(output), secret):
			return "", errors.New("a secret is shown")
		case exit.ExitCode() != 78:
			return "", fmt.Errorf("exit %d: %s", exit.ExitCode(), output)
		}
		for flag := range c.flags {
			if !strings.Contains(string(output), "--"+flag+": ") {
				return "", fmt.Errorf("nothing about --%s: %s", flag, output)
			}
			named++
		}
	}
	return fmt.Sprintf("exit 78 within %s, %d wrong flags named in %d runs", round(slowest), named, len(configurations)), nil
}

// round spells a duration for a line of the table.
func round(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
