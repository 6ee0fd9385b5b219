package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Result is the result of a Check.
type Result int

// The results.
const (
	// ResultOK: as it should be.
	ResultOK Result = iota + 1
	// ResultWarning: works, and somebody should look at it.
	ResultWarning
	// ResultFailed: does not work.
	ResultFailed
	// ResultSkipped: was not made, since one before it failed or since there is
	// nothing to check.
	ResultSkipped
)

// Check is one check of an account.
type Check struct {
	// Name is what is checked: dns, tls, token, rights, rate, clock, pages,
	// tokens.
	Name string
	// Result is what came of it.
	Result Result
	// Finding is what was found, Remedy what to do; empty when there is nothing
	// to do. They hold no secret.
	Finding, Remedy string
}

// checkRows is how many customers the check of pages reads: the vendor's page of
// API v4 and one more, so that it sees two.
const checkRows = 251

// tokenWarning is how long before the end of a token that is not renewed somebody
// should look for a new one.
const tokenWarning = 30 * 24 * time.Hour

// checkup is one run of the checks of an account.
type checkup struct {
	registry *Registry
	account  Account
	host     amo.Host
	client   *amo.Client
	done     []Check
}

// Check finds out what works of an account and what does not: its name, its
// certificate, its credentials, the rights they have, the limiter, the clock, a
// list, and how the credentials are renewed. It sends a few reads. Its error is
// ErrNotFound, or an *amo.Error of the store.
func (r *Registry) Check(ctx context.Context, name string) ([]Check, error) {
	account, err := r.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	client, err := r.Client(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &checkup{registry: r, account: account, client: client}
	c.host, err = r.storedHost(account.URL)
	if account.FromFlags {
		c.host, err = r.config.Static.Host, nil
	}
	if err != nil {
		c.add("dns", ResultFailed, err.Error(), "correct the account's URL: `amogate account add --replace`")
		c.skip("tls")
	} else {
		c.reach(ctx)
	}
	c.token(ctx)
	c.rights(ctx)
	c.rate(ctx)
	c.clock()
	c.pages(ctx)
	c.tokens(ctx)
	return c.done, nil
}

func (c *checkup) add(name string, result Result, finding, remedy string) {
	c.done = append(c.done, Check{Name: name, Result: result, Finding: finding, Remedy: remedy})
}

// failed says that one of the checks has failed.
func (c *checkup) failed(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return c.ended(name, ResultFailed) })
}

// ended says that a check has ended with a result.
func (c *checkup) ended(name string, result Result) bool {
	return slices.ContainsFunc(c.done, func(done Check) bool { return done.Name == name && done.Result == result })
}

// skip says that a check makes no sense after another has failed.
func (c *checkup) skip(name string) {
	c.add(name, ResultSkipped, "not made: a check before it failed", "")
}

// reach checks the name and the certificate.
func (c *checkup) reach(ctx context.Context) {
	if c.registry.config.Client.Transport != nil {
		c.add("dns", ResultSkipped, "requests do not go over the network here", "")
		c.add("tls", ResultSkipped, "requests do not go over the network here", "")
		return
	}
	reach, err := amo.Try(ctx, c.host, amo.TransportConfig{
		Settings: c.registry.config.Settings, Lookup: c.registry.config.Client.Lookup, AllowInsecure: c.registry.config.AllowInsecure,
	})
	switch {
	case err != nil:
		c.add("dns", ResultFailed, messageOf(err), "")
		c.skip("tls")
	case reach.Proxy:
		c.add("dns", ResultSkipped, "a proxy resolves names (HTTPS_PROXY)", "")
		c.add("tls", ResultSkipped, "a proxy connects (HTTPS_PROXY)", "")
	case reach.Lookup != nil:
		c.add("dns", ResultFailed, messageOf(reach.Lookup), "look whether the account opens in a browser: it may have another name now, or this machine's name server does not work")
		c.skip("tls")
	default:
		var addresses []string
		for _, ip := range reach.Addresses {
			addresses = append(addresses, ip.String())
		}
		found := strings.Join(addresses, ", ")
		if amo.IsKind(reach.Connection, amo.KindHostGone) {
			c.add("dns", ResultFailed, found+": "+messageOf(reach.Connection), "correct the account's URL or the name server; upstream's addresses are public")
			c.skip("tls")
			return
		}
		c.add("dns", ResultOK, found, "")
		c.connection(reach)
	}
}

func (c *checkup) connection(reach amo.Reach) {
	switch {
	case amo.IsKind(reach.Connection, amo.KindTLS):
		c.add("tls", ResultFailed, reach.Connection.Error(), "look who answers in upstream's place: a proxy that opens TLS needs its certificate among those of this machine")
	case reach.Connection != nil:
		c.add("tls", ResultFailed, messageOf(reach.Connection), "let this machine connect to the account's host, port 443")
	case reach.Expires.IsZero():
		c.add("tls", ResultSkipped, "plain http (--allow-insecure-upstream)", "")
	default:
		c.add("tls", ResultOK, "trusted, the certificate ends on "+reach.Expires.UTC().Format(time.DateOnly), "")
	}
}

// token checks whether upstream accepts the credentials, and whose they are.
func (c *checkup) token(ctx context.Context) {
	if c.failed("dns", "tls") {
		c.skip("token")
		return
	}
	identity, err := c.client.Identify(ctx)
	switch {
	case err != nil:
		c.add("token", ResultFailed, messageOf(err), remedyOf(err))
	case c.account.UpstreamID != 0 && identity.ID != c.account.UpstreamID:
		c.add("token", ResultFailed, (&OtherAccountError{Name: c.account.Name, Stored: c.account.UpstreamID, Given: identity.ID}).Error(),
			"add the account's own credentials: `amogate account add --replace`")
	default:
		c.add("token", ResultOK, fmt.Sprintf("accepted by upstream's account %d", identity.ID), "")
	}
}

// rights checks whether customers can be read.
func (c *checkup) rights(ctx context.Context) {
	if c.failed("dns", "tls", "token") {
		c.skip("rights")
		return
	}
	_, err := c.read(ctx, 1)
	switch {
	case err == nil:
		c.add("rights", ResultOK, "customers can be read", "")
	case amo.IsKind(err, amo.KindCustomersDisabled), amo.IsKind(err, amo.KindCustomersNotInPlan), amo.IsKind(err, amo.KindCustomersMode):
		c.add("rights", ResultWarning, messageOf(err), remedyOf(err))
	default:
		c.add("rights", ResultFailed, messageOf(err), remedyOf(err))
	}
}

// rate checks what the limiter knows.
func (c *checkup) rate(ctx context.Context) {
	status, err := c.registry.Limiter(ctx, c.account.Name)
	if err != nil {
		c.add("rate", ResultFailed, messageOf(err), "look at the store: --store")
		return
	}
	c.done = append(c.done, judgeRate(status))
}

func judgeRate(s limit.Status) Check {
	check := Check{Name: "rate", Result: ResultOK, Finding: fmt.Sprintf("%.3g requests a second", s.Rate)}
	switch {
	case len(s.Breakers) > 0:
		var open []string
		for _, b := range s.Breakers {
			open = append(open, fmt.Sprintf("%s since %s, next try in %s", b.Name, b.Since.UTC().Format(time.DateTime), b.ProbeIn.Round(time.Second)))
		}
		check.Result, check.Finding = ResultFailed, "nothing is sent: "+strings.Join(open, "; ")
		check.Remedy = "a ban is lifted by upstream's support or by time, a 402 by a payment; a single request finds out now and then"
	case s.Hold > 0:
		check.Result = ResultWarning
		check.Finding = fmt.Sprintf("nothing is sent for another %s, since upstream answered 429", s.Hold.Round(time.Second))
		check.Remedy = "look for other programs on this account, and lower --rate to leave them their share"
	case s.Rate < s.Configured:
		check.Result = ResultWarning
		check.Finding += fmt.Sprintf(" instead of %.3g, since upstream answered 429; it recovers by itself", s.Configured)
		check.Remedy = "look for other programs on this account, and lower --rate to leave them their share"
	case !s.Shared:
		check.Result = ResultWarning
		check.Finding += ", a share of the configured rate, since the store does not answer"
		check.Remedy = "look at the store: --store"
	}
	return check
}

// clock checks upstream's clock against ours.
func (c *checkup) clock() {
	if c.failed("dns", "tls", "token") {
		c.skip("clock")
		return
	}
	switch offset := c.client.ClockOffset(); {
	case offset == 0:
		c.add("clock", ResultOK, "within two seconds of upstream's", "")
	case offset > 0:
		c.add("clock", ResultWarning, fmt.Sprintf("%s behind upstream's", offset.Round(time.Second)), "let this machine take its time from a time server (NTP); amogate reckons with upstream's clock meanwhile")
	default:
		c.add("clock", ResultWarning, fmt.Sprintf("%s ahead of upstream's", (-offset).Round(time.Second)), "let this machine take its time from a time server (NTP); amogate reckons with upstream's clock meanwhile")
	}
}

// pages checks whether a list makes sense.
func (c *checkup) pages(ctx context.Context) {
	if c.failed("dns", "tls", "token", "rights") {
		c.skip("pages")
		return
	}
	if c.ended("rights", ResultWarning) {
		c.add("pages", ResultSkipped, "there are no customers to list", "")
		return
	}
	ids, err := c.read(ctx, checkRows)
	if err != nil {
		c.add("pages", ResultFailed, messageOf(err), remedyOf(err))
		return
	}
	seen := map[int64]bool{}
	for _, id := range ids {
		if id <= 0 {
			c.add("pages", ResultFailed, "a customer without an id is in the list", "tell the authors of amogate, with the account's upstream number")
			return
		}
		seen[id] = true
	}
	c.add("pages", ResultOK, fmt.Sprintf("%d customers read, %d different ones", len(ids), len(seen)), "")
}

// read reads the first customers of a list.
func (c *checkup) read(ctx context.Context, rows int) ([]int64, error) {
	var ids []int64
	list := c.client.Customers().List(&amogatev1.CustomerFilter{}, amo.ListOptions{MaxPages: 2, Rows: rows})
	for row, err := range list.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		if ids = append(ids, row.Value.GetId()); len(ids) == rows {
			break
		}
	}
	return ids, nil
}

// tokens checks what is stored of the credentials, and how they go on.
func (c *checkup) tokens(ctx context.Context) {
	// The checks before may have found out more of them.
	account, err := c.registry.Get(ctx, c.account.Name)
	if err != nil {
		c.add("tokens", ResultFailed, messageOf(err), "look at the store: --store")
		return
	}
	check := judgeTokens(account, c.registry.config.Journal.Pending(), time.Now())
	check.Name = "tokens"
	c.done = append(c.done, check)
}

func judgeTokens(a Account, pending int, now time.Time) Check {
	v := a.Credentials
	left := v.ExpiresAt.Sub(now)
	again := fmt.Sprintf("authorize again: `amogate account add %s --replace`", a.Name)
	switch {
	case a.FromFlags:
		return Check{Result: ResultOK, Finding: "given by serve's flags; they are not renewed"}
	case v.Undecryptable:
		return Check{Result: ResultFailed, Finding: v.Reason, Remedy: "bring the key back into the key ring, or add the account again"}
	case v.State == custody.StateMisconfigured:
		return Check{Result: ResultFailed, Finding: v.Reason, Remedy: "correct --oauth-client-id, --oauth-client-secret-file or --oauth-redirect-url and restart; where the account was not paid for, pay and " + again}
	case v.State != custody.StateOK:
		return Check{Result: ResultFailed, Finding: v.Reason, Remedy: again}
	case pending > 0:
		return Check{Result: ResultWarning, Finding: fmt.Sprintf("%d new pairs of tokens are in the journal and not yet in the store", pending), Remedy: "look at the store; the journal in --data-dir must not be lost"}
	case v.Kind == custody.KindSession:
		return Check{Result: ResultOK, Finding: "a login, which does not expire"}
	case v.ExpiresAt.IsZero():
		return Check{Result: ResultOK, Finding: "a token whose end nobody knows"}
	case left <= 0 && v.Kind == custody.KindToken:
		return Check{Result: ResultFailed, Finding: "the token has expired", Remedy: "make a new one in the integration, then " + again}
	case left <= 0:
		return Check{Result: ResultOK, Finding: "the access token has expired, and the next call renews it"}
	case v.Kind == custody.KindToken && left < tokenWarning:
		return Check{Result: ResultWarning, Finding: fmt.Sprintf("the token ends on %s and is not renewed", v.ExpiresAt.UTC().Format(time.DateOnly)), Remedy: "make a new one in the integration, then " + again}
	case v.Kind == custody.KindToken:
		return Check{Result: ResultOK, Finding: "the token ends on " + v.ExpiresAt.UTC().Format(time.DateOnly)}
	}
	return Check{Result: ResultOK, Finding: fmt.Sprintf("generation %d, %s left, renewed at %s", v.Generation, left.Round(time.Minute), v.RefreshAt.UTC().Format(time.DateTime))}
}

// remedyOf says what to do about an error of upstream.
func remedyOf(err error) string {
	upstream, ok := errors.AsType[*amo.Error](err)
	if !ok {
		return ""
	}
	switch upstream.Kind { //nolint:exhaustive // the other kinds say it all in their message, or need nothing but time
	case amo.KindReauth, amo.KindTokenLost:
		return "give the account new credentials: `amogate account add --replace`"
	case amo.KindForbidden:
		return "give the user of the credentials the right to see customers, or use those of an administrator"
	case amo.KindPaymentRequired:
		return "pay for the account"
	case amo.KindBlocked, amo.KindEgressBlocked:
		return "ask upstream's support to lift the block"
	case amo.KindMoved:
		return "add the account's new URL: `amogate account add --replace`"
	case amo.KindCustomersDisabled:
		return "switch customers on in the account's settings, if you need them"
	case amo.KindCustomersNotInPlan:
		return "take a plan with customers, if you need them"
	case amo.KindMisconfigured:
		return "correct --oauth-client-id, --oauth-client-secret-file or --oauth-redirect-url and restart"
	case amo.KindUndecryptable:
		return "bring the key back into the key ring, or add the account again"
	}
	return "try again later; the log tells more"
}
