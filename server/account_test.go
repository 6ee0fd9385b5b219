package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/amogate/amogate/amo"
)

func TestStaticAccounts_findTheAccountOfACall(t *testing.T) {
	t.Parallel()
	shop, store := &amo.Client{}, &amo.Client{}
	both := map[string]*amo.Client{"shop": shop, "store": store}
	for name, c := range map[string]struct {
		accounts StaticAccounts
		named    string
		want     *amo.Client
		reason   string
	}{
		"none at all":                        {reason: "NO_ACCOUNT"},
		"none at all, though one is named":   {named: "shop", reason: "NO_ACCOUNT"},
		"the only one":                       {accounts: StaticAccounts{Clients: map[string]*amo.Client{"shop": shop}}, want: shop},
		"the default":                        {accounts: StaticAccounts{Default: "store", Clients: both}, want: store},
		"the named one, not the default":     {accounts: StaticAccounts{Default: "store", Clients: both}, named: "shop", want: shop},
		"several and no default":             {accounts: StaticAccounts{Clients: both}, reason: "ACCOUNT_REQUIRED"},
		"an unknown one":                     {accounts: StaticAccounts{Default: "store", Clients: both}, named: "Shop", reason: "ACCOUNT_NOT_ALLOWED"},
		"an unknown one, though one is only": {accounts: StaticAccounts{Clients: map[string]*amo.Client{"shop": shop}}, named: "x", reason: "ACCOUNT_NOT_ALLOWED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.accounts.Client(t.Context(), c.named)
			if got != c.want {
				t.Errorf("got client %p, want %p", got, c.want)
			}
			reason := ""
			if f, ok := errors.AsType[*fault](err); ok {
				reason = reasonName(f.reason)
			}
			if reason != c.reason {
				t.Errorf("got error %v, want reason %q", err, c.reason)
			}
		})
	}
}

func TestErrNoAccount_namesTheCommands(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"amogate account add NAME --url=", "--token-file=", "amogate account add NAME --oauth"} {
		if text := ErrNoAccount().Error(); !strings.Contains(text, command) {
			t.Errorf("%q does not name %q", text, command)
		}
	}
}

func TestAccountName_takesOnlyWhatHeadersMayCarry(t *testing.T) {
	t.Parallel()
	for _, values := range [][]string{nil, {""}, {"shop"}, {"Shop 1 ~"}, {strings.Repeat("a", 128)}} {
		if _, err := accountName(values); err != nil {
			t.Errorf("%q: %v", values, err)
		}
	}
	for _, values := range [][]string{
		{"a", "b"}, {"shop\r\nX-Evil: 1"}, {"shop\n"}, {"a\x00"}, {"a\x7f"}, {"магазин"}, {"\xff"}, {strings.Repeat("a", 129)},
	} {
		_, err := accountName(values)
		f, ok := errors.AsType[*fault](err)
		if !ok || reasonName(f.reason) != "VALIDATION" || f.fields[0].GetField() != "amogate-account" {
			t.Errorf("%q: got %v, want a violation of amogate-account", values, err)
		}
	}
}
