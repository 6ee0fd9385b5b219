package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
)

// moved gives the account another host, of upstream's and then elsewhere, and
// returns an error when it takes more look-ups than these to follow.
func moved(ctx context.Context, lookUps int64) (string, error) {
	var measured []string
	for _, old := range []struct {
		status   string
		notFound bool
	}{{"401", false}, {"404", true}} {
		config := installationConfig{members: 2, emulated: func(c *emulator.Config) { c.MovedNotFound = old.notFound }}
		text, err := inInstallation(ctx, config, func(ctx context.Context, i *installation) (string, error) { return i.move(ctx, lookUps) })
		if err != nil {
			return "", fmt.Errorf("%s at the old host: %w", old.status, err)
		}
		measured = append(measured, old.status+" at the old host: "+text)
	}
	return strings.Join(measured, "; "), nil
}

func (i *installation) move(ctx context.Context, lookUps int64) (string, error) {
	const next, elsewhere = "flowers.amocrm.ru", "flowers.example.com"
	i.hosts.set(next, i.emulator.Transport())
	i.emulator.Rename(next)
	if err := i.members[0].call(ctx, shop); err != nil {
		return "", fmt.Errorf("the first call: %w", err)
	}
	time.Sleep(calm().AccountScan + time.Second) // the other member looks for changes
	if err := i.everyMember(ctx, shop, time.Minute, time.Second, isOK); err != nil {
		return "", err
	}
	took := i.emulator.Stats().ByOperation[emulator.OpOAuthSubdomain]
	if took > lookUps {
		return "", fmt.Errorf("%d look-ups, want at most %d", took, lookUps)
	}
	stored, err := i.store.Account(ctx, shop)
	if err != nil {
		return "", err
	}
	if want := "https://" + next; stored.URL != want {
		return "", fmt.Errorf("the store has %s, want %s", stored.URL, want)
	}
	time.Sleep(settings.Default().HomeRest) // a 404 is believed for so long
	i.emulator.Rename(elsewhere)
	want := failure{code: codes.FailedPrecondition, reason: "ACCOUNT_MOVED"}
	if err := i.everyMember(ctx, shop, time.Minute, 10*time.Second, fails(want)); err != nil {
		return "", fmt.Errorf("to a host that is none of upstream's: %w", err)
	}
	if i.hosts.strangers > 0 {
		return "", fmt.Errorf("%d requests to a host that is none of upstream's", i.hosts.strangers)
	}
	return fmt.Sprintf("%d look-up", took), nil
}
