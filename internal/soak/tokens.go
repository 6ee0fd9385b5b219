package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
)

const (
	// tokenRounds is how often the access token of an account dies.
	tokenRounds, shortTokenRounds = 1000, 20
	// tokensTimeout bounds the whole program.
	tokensTimeout = 40 * time.Minute
)

// replicaCounts are how many replicas share an account, each number an account of
// its own.
var replicaCounts = []int{2, 4, 8, 16}

// tokenSet is what became of one account.
type tokenSet struct {
	replicas, rounds int
	waits            []time.Duration
	// failed counts the uses that ended without a token that upstream takes, first
	// is the first such failure.
	failed int
	first  string
	stats  emulator.TokenStats
}

// tokens lets the access token of each account die, again and again, for all
// replicas at once, while the refresh token works once.
func tokens(ctx context.Context, b *bench, out *report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
	defer cancel()
	cluster, err := pgtest.NewCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	in, err := inDatabase(ctx, b.dir, cluster)
	if err != nil {
		return err
	}
	began := time.Now()
	sets := make([]tokenSet, len(replicaCounts))
	group, ctx := errgroup.WithContext(ctx)
	for i, n := range replicaCounts {
		group.Go(func() (err error) {
			sets[i], err = in.letTokensDie(ctx, n, length(b, tokenRounds, shortTokenRounds))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	out.note("accounts", fmt.Sprintf("%d at the same time on one PostgreSQL, %.0fs; the token endpoint takes %d to %d ms; each replica has a limiter of its own",
		len(sets), time.Since(began).Seconds(), fastToken.Milliseconds(), slowToken.Milliseconds()))
	for _, set := range sets {
		set.report(out)
	}
	return nil
}

// letTokensDie runs one account.
func (in *installation) letTokensDie(ctx context.Context, replicas, rounds int) (set tokenSet, err error) {
	set = tokenSet{replicas: replicas, rounds: rounds}
	up, err := newUpstream(emulator.Config{Window: -1}, slowTokens)
	if err != nil {
		return set, err
	}
	defer up.server.Close()
	name := fmt.Sprintf("account-%d", replicas)
	if err := in.add(ctx, name, up); err != nil {
		return set, err
	}
	var children []*replicaChild
	defer func() {
		for _, c := range children {
			err = errors.Join(err, c.stop())
		}
	}()
	for n := range replicas {
		c, err := startReplica(ctx, replicaConfig{
			Store: in.store, Ring: in.ring, Dir: filepath.Join(in.dir, name, strconv.Itoa(n)), Account: name, Upstream: up.server.URL, Divisor: 1,
		})
		if err != nil {
			return set, err
		}
		children = append(children, c)
	}
	for range rounds {
		up.account.ExpireAccess()
		if err := set.round(children); err != nil {
			return set, err
		}
	}
	set.stats = up.account.Stats().Tokens
	return set, nil
}

// round lets all replicas use their tokens at once.
func (s *tokenSet) round(children []*replicaChild) error {
	var mu sync.Mutex
	var group errgroup.Group
	for _, c := range children {
		group.Go(func() error {
			u, err := c.use()
			mu.Lock()
			defer mu.Unlock()
			s.waits = append(s.waits, u.Wait)
			if u.Failure != "" && s.failed == 0 {
				s.first = u.Failure
			}
			if u.Failure != "" {
				s.failed++
			}
			return err
		})
	}
	return group.Wait()
}

func (s *tokenSet) report(out *report) {
	name := func(what string) string { return fmt.Sprintf("%s, %d replicas", what, s.replicas) }
	out.figure(name("token calls"), s.stats.Calls == int64(s.rounds), fmt.Sprintf("= %d rounds", s.rounds), strconv.FormatInt(s.stats.Calls, 10))
	out.figure(name("revoked"), s.stats.Revoked+s.stats.PresentedTwice == 0, "= 0, no token sent twice",
		fmt.Sprintf("%d, %d sent twice", s.stats.Revoked, s.stats.PresentedTwice))
	out.figure(name("failed"), s.failed == 0, "= 0 uses", fmt.Sprintf("%d of %d %s", s.failed, len(s.waits), s.first))
	out.note(name("wait"), fmt.Sprintf("p50 %d ms, p99 %d ms", quantile(s.waits, 0.5).Milliseconds(), quantile(s.waits, 0.99).Milliseconds()))
}
