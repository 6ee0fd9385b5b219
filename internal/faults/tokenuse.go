package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/store"
)

// tokenWatch stands between members, their store and upstream. It notes tokens
// that are used before the store has them, and makes the store refuse pairs for a
// while.
type tokenWatch struct {
	store.Store
	next http.RoundTripper

	mu sync.Mutex
	// refuses says that the store takes no pairs.
	refuses bool
	// forgets says that pairs count as not taken, for tests of the row.
	forgets bool
	// generations are those of the access and refresh tokens that were issued.
	generations map[string]int64
	issued      int64
	// committed is the generation that the store has.
	committed int64
	// early counts requests with tokens that the store did not have.
	early int
}

// onStore is around the store of an installation.
func (w *tokenWatch) onStore(next store.Store) store.Store {
	w.Store, w.generations = next, map[string]int64{}
	return w
}

// onTransport is around the transport of an installation.
func (w *tokenWatch) onTransport(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

func (w *tokenWatch) refuse(refuses bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses = refuses
}

// Commit implements custody.Store.
func (w *tokenWatch) Commit(ctx context.Context, account string, from, epoch int64, next custody.Sealed) (bool, error) {
	return w.keep(next, func() (bool, error) { return w.Store.Commit(ctx, account, from, epoch, next) })
}

// Restore implements custody.Store.
func (w *tokenWatch) Restore(ctx context.Context, account string, next custody.Sealed) (bool, error) {
	return w.keep(next, func() (bool, error) { return w.Store.Restore(ctx, account, next) })
}

func (w *tokenWatch) keep(next custody.Sealed, store func() (bool, error)) (bool, error) {
	w.mu.Lock()
	refuses := w.refuses
	w.mu.Unlock()
	if refuses {
		return false, &amo.Error{Kind: amo.KindStoreUnavailable, Message: "the store does not answer"}
	}
	kept, err := store()
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept && err == nil && !w.forgets {
		w.committed = next.Generation
	}
	return kept, err
}

// RoundTrip implements http.RoundTripper.
func (w *tokenWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.URL.Path == tokenPath {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Header.Del("Accept-Encoding") // the pair is read on its way
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		token = form.Get("refresh_token")
	}
	w.note(token)
	resp, err := w.next.RoundTrip(r)
	if err != nil || r.URL.Path != tokenPath || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var pair emulator.Pair
	if err := json.Unmarshal(body, &pair); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.issued++
	w.generations[pair.AccessToken], w.generations[pair.RefreshToken] = w.issued, w.issued
	return resp, nil
}

// note counts a token that the store does not have. The first pair, which a
// person's consent brings, is tried before it is stored.
func (w *tokenWatch) note(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.generations[token]; g > 1 && g > w.committed {
		w.early++
	}
}

// pairUse lets four members refresh together, while the store takes the new pair
// late, and returns an error unless nobody uses a pair before the store has it.
func pairUse(ctx context.Context, grace bool, watch func(*tokenWatch)) (string, error) {
	const rounds, members, late = 5, 4, 10 * time.Second
	w := &tokenWatch{}
	config := installationConfig{
		members: members, store: w.onStore, transport: w.onTransport,
		emulated: func(c *emulator.Config) { c.OAuth.Grace = grace },
	}
	return inInstallation(ctx, config, func(ctx context.Context, i *installation) (string, error) {
		watch(w)
		for round := range rounds {
			w.refuse(true)
			i.emulator.ExpireAccess()
			var calling sync.WaitGroup
			failed := make([]error, members)
			for n, m := range i.members {
				calling.Go(func() { failed[n] = m.call(ctx, shop) })
			}
			time.Sleep(late)
			w.refuse(false)
			calling.Wait()
			// Who did not wait is told to come again.
			for n, err := range failed {
				if f := failureOf(err); err != nil && f.reason != "STORE_UNAVAILABLE" && f.reason != "UPSTREAM_UNAVAILABLE" {
					return "", fmt.Errorf("round %d: member %d: %w", round, n, err)
				}
			}
			if err := i.everyMember(ctx, shop, 10*time.Second, 5*time.Second, isOK); err != nil {
				return "", fmt.Errorf("round %d: %w", round, err)
			}
		}
		if w.early > 0 {
			return "", fmt.Errorf("%d requests with tokens that the store did not have", w.early)
		}
		stats := i.emulator.Stats().Tokens
		if stats.Refreshes != rounds || stats.Revoked > 0 || stats.PresentedTwice > 0 {
			return "", fmt.Errorf("%d refreshes in %d rounds, %d refresh tokens sent twice, %d refused", stats.Refreshes, rounds, stats.PresentedTwice, stats.Revoked)
		}
		return fmt.Sprintf("%d pairs, which the store took %s late, none used before", rounds, late), nil
	})
}

// lateStore has a member end while neither the store nor the journal takes the
// pair that it has received. It may not end before one of them does.
func lateStore(ctx context.Context, late time.Duration) (string, error) {
	w := &tokenWatch{}
	return inInstallation(ctx, installationConfig{store: w.onStore, transport: w.onTransport}, func(ctx context.Context, i *installation) (string, error) {
		w.refuse(true)
		if err := i.leave(ctx); err != nil {
			return "", err
		}
		var m *member
		m, err := i.join(ctx, integration, func(p custody.Point) {
			if p == custody.AfterCall {
				_ = m.journal.Close() // it takes no more: the disk is gone
			}
		})
		if err != nil {
			return "", err
		}
		i.emulator.ExpireAccess()
		time.AfterFunc(late, func() { w.refuse(false) })
		brief, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := m.call(brief, shop); err == nil {
			return "", errors.New("calls are OK with tokens that nothing has taken")
		}
		begun := time.Now()
		if err := i.leave(ctx); err != nil {
			return "", err
		}
		took := time.Since(begun)
		if took < late-time.Second {
			return "", fmt.Errorf("the member ended after %s, before anything had taken its tokens", took)
		}
		if err := i.wantOK(ctx, shop, 2); err != nil {
			return "", err
		}
		if m, err = i.join(ctx, integration, nil); err != nil {
			return "", err
		}
		if err := m.call(ctx, shop); err != nil {
			return "", err
		}
		if n := refreshes(i.emulator); n != 1 {
			return "", fmt.Errorf("%d token calls, want one", n)
		}
		return fmt.Sprintf("without a journal either the process ended %s after it was told to, when the store took the pair", took.Round(time.Second)), nil
	})
}
