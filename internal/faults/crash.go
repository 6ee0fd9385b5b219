package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

// grace lets refresh tokens work until the pair they brought is used.
func grace(on bool) func(*emulator.Config) {
	return func(c *emulator.Config) { c.OAuth.Grace = on }
}

// expireTogether lets access tokens end under so many replicas, round after round,
// and returns an error unless a round costs one token call.
func (x *executable) expireTogether(ctx context.Context, on bool, replicas ...int) (string, error) {
	var measured []string
	for _, n := range replicas {
		text, err := x.onPostgres(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) {
			rounds := max(2, 8/n)
			return f.expireTogether(ctx, n, rounds)
		})
		if err != nil {
			return "", fmt.Errorf("%d replicas: %w", n, err)
		}
		measured = append(measured, text)
	}
	return strings.Join(measured, "; "), nil
}

func (f *farm) expireTogether(ctx context.Context, replicas, rounds int) (string, error) {
	hands := make([]*farmhand, replicas)
	failed := make([]error, replicas)
	together := func(work func(n int) error) error {
		var working sync.WaitGroup
		for n := range hands {
			working.Go(func() { failed[n] = work(n) })
		}
		working.Wait()
		for n, err := range failed {
			if err != nil {
				return fmt.Errorf("replica %d: %w", n, err)
			}
		}
		return nil
	}
	configs := make([]replicaConfig, replicas)
	for n := range configs {
		configs[n] = f.config()
		configs[n].Whole = true // at the rate of one account they queue for seconds
	}
	children := make([]*child, replicas)
	err := together(func(n int) (err error) {
		children[n], err = startReplica(ctx, configs[n])
		return err
	})
	for _, c := range children {
		if c != nil {
			f.onClose(func() error { c.kill(); return nil })
		}
	}
	if err != nil {
		return "", err
	}
	for n, c := range children {
		if hands[n], err = f.connect(c); err != nil {
			return "", err
		}
	}
	call := func(n int) error { return hands[n].call(ctx) }
	if err := together(call); err != nil {
		return "", err
	}
	begun := time.Now()
	for round := range rounds {
		f.emulator.ExpireAccess()
		if err := together(call); err != nil {
			return "", fmt.Errorf("round %d: %w", round, err)
		}
	}
	stats := f.emulator.Stats().Tokens
	if n := stats.ByGrant["refresh_token"]; n != int64(rounds) || stats.PresentedTwice > 0 || stats.Revoked > 0 {
		return "", fmt.Errorf("%d token calls in %d rounds, %d refresh tokens sent twice, %d refused", n, rounds, stats.PresentedTwice, stats.Revoked)
	}
	return fmt.Sprintf("%d replicas: %d token calls in %d rounds of %s", replicas, rounds, rounds, round(time.Since(begun)/time.Duration(rounds))), nil
}

// allOK is a check of calling.
func allOK(err error) error { return err }

// crashLeased kills a replica that has the lease and has not called the token
// endpoint.
func (x *executable) crashLeased(ctx context.Context, on bool, within time.Duration) (string, error) {
	return x.onPostgres(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) {
		if err := f.age(ctx, time.Hour); err != nil {
			return "", err
		}
		next, died, err := f.die(ctx, custody.AfterLease)
		if err != nil {
			return "", err
		}
		if err := f.wantTokens(0, 0); err != nil {
			return "", err
		}
		stop := calling(ctx, next, shop, allOK)
		_, err = until(ctx, 2*within, func() (bool, error) { return refreshes(f.emulator) > 0, nil })
		took := time.Since(died)
		calls, failed := stop()
		switch {
		case err != nil:
			return "", fmt.Errorf("no other replica refreshes: %w", err)
		case failed != nil:
			return "", failed
		case took > within:
			return "", fmt.Errorf("the next refresh came %s after the crash, want %s", took, within)
		}
		return fmt.Sprintf("the next replica called after %s; %d calls meanwhile OK", round(took), calls), f.wantTokens(1, 0)
	})
}

// die has a replica be killed at a point of its first refresh. It returns another
// one that serves by then, and when the first died.
func (f *farm) die(ctx context.Context, point custody.Point) (next *farmhand, died time.Time, err error) {
	h, _, err := f.doomed(ctx, point, syscall.SIGKILL)
	if err != nil {
		return nil, died, err
	}
	config := f.config()
	_ = h.call(ctx) // it begins the refresh, and may see the end of the process
	select {
	case <-h.exited:
		died = time.Now()
	case <-ctx.Done():
		return nil, died, fmt.Errorf("the replica does not die %s: %w", point, ctx.Err())
	}
	next, err = f.hire(ctx, config)
	return next, died, err
}

// crashAnswered kills a replica that has the new pair and has not written it down.
// The access token ends after left.
func (x *executable) crashAnswered(ctx context.Context, on bool, left time.Duration) (string, error) {
	return x.onPostgres(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) {
		if err := f.age(ctx, left); err != nil {
			return "", err
		}
		end := time.Now().Add(left)
		next, died, err := f.die(ctx, custody.AfterCall)
		if err != nil {
			return "", err
		}
		stop := calling(ctx, next, shop, allOK)
		_, err = until(ctx, time.Until(end), func() (bool, error) {
			r, err := f.stored(ctx)
			return r.State == custody.StateLost || r.Generation > 1, err
		})
		if err != nil {
			return "", fmt.Errorf("the loss is not known: %w", err)
		}
		known := time.Since(died)
		if err := pause(ctx, time.Until(end)-callPause); err != nil {
			return "", err
		}
		calls, failed := stop()
		if failed != nil {
			return "", fmt.Errorf("before the access token ended: %w", failed)
		}
		if on {
			// Who has not used the new pair may send the old token again.
			if err := pause(ctx, 2*callPause); err != nil {
				return "", err
			}
			return fmt.Sprintf("the next replica refreshed after %s; %d calls OK", round(known), calls), errors.Join(next.call(ctx), f.wantTokens(2, 0))
		}
		if err := pause(ctx, 2*callPause); err != nil {
			return "", err
		}
		for range 3 {
			if err := failureOf(next.call(ctx)).want(tokenLost.code, tokenLost.reason); err != nil {
				return "", fmt.Errorf("after the access token ended: %w", err)
			}
		}
		return fmt.Sprintf("known %s after the crash; %d calls OK until the access token ended", round(known), calls), f.wantTokens(2, 1)
	})
}

// crashJournalled kills a replica that has written the new pair down and not
// stored it, over both engines, and starts it again.
func (x *executable) crashJournalled(ctx context.Context, on bool) (string, error) {
	return inTurn(ctx,
		func(ctx context.Context) (string, error) {
			text, err := x.onPostgres(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) { return f.crashJournalled(ctx) })
			return "PostgreSQL: " + text, err
		},
		func(ctx context.Context) (string, error) {
			text, err := onFarm(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) { return f.crashJournalled(ctx) })
			return "SQLite: " + text, err
		})
}

func (f *farm) crashJournalled(ctx context.Context) (string, error) {
	if err := f.age(ctx, time.Hour); err != nil {
		return "", err
	}
	h, config, err := f.doomed(ctx, custody.AfterJournal, syscall.SIGKILL)
	if err != nil {
		return "", err
	}
	_ = h.call(ctx) // it begins the refresh, and may see the end of the process
	select {
	case <-h.exited:
	case <-ctx.Done():
		return "", fmt.Errorf("the replica does not die: %w", ctx.Err())
	}
	begun := time.Now()
	if h, err = f.hire(ctx, config); err != nil {
		return "", err
	}
	took := time.Since(begun)
	if !h.log.contains("tokens of a process before stored") {
		return "", errors.New("the process serves without the pair of its journal")
	}
	for range 3 {
		if err := h.call(ctx); err != nil {
			return "", err
		}
	}
	if err := f.wantTokens(1, 0); err != nil {
		return "", err
	}
	return "the pair is stored when the process serves again, after " + round(took), nil
}

// withGrace runs the rows of replicas that die or stop against an issuer with a
// grace, some at a time: they wait for leases to end.
func (x *executable) withGrace(ctx context.Context) (string, error) {
	var rows errgroup.Group
	rows.SetLimit(3)
	for id, row := range map[string]func() (string, error){
		"T03": func() (string, error) { return x.expireTogether(ctx, true, 2) },
		"T04": func() (string, error) { return x.crashLeased(ctx, true, scaled().Lease+time.Second) },
		"T05": func() (string, error) { return x.crashAnswered(ctx, true, 5*time.Second) },
		"T06": func() (string, error) { return x.crashJournalled(ctx, true) },
		"T08": func() (string, error) { return x.storeDownAfter(ctx, true) },
		"T09": func() (string, error) { return x.holderPaused(ctx, true, 90*time.Second/scale) },
	} {
		rows.Go(func() error {
			if _, err := row(); err != nil {
				return fmt.Errorf("%s with a grace: %w", id, err)
			}
			return nil
		})
	}
	return "T03 to T06, T08, T09 with a grace", rows.Wait()
}
