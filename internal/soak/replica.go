package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// replicaCommand makes this program a replica: a process that keeps the tokens of
// an account as serve does, and uses them for each line that it reads.
const replicaCommand = "replica"

// replicaConfig is the argument of a replica.
type replicaConfig struct {
	Store, Ring, Dir, Account, Upstream string
	// Point is where the process ends itself by SIGKILL; empty = nowhere.
	Point custody.Point
	// Divisor divides the durations, but for those of the store.
	Divisor float64
}

// usedToken is how one use went.
type usedToken struct {
	// Wait is how long the replica waited for new tokens; 0 = it needed none.
	Wait time.Duration
	// Generation is that of the tokens that upstream took in the end.
	Generation int64
	// Failure is why there are none, empty when there are. Lost says that the
	// replica knows them to be lost.
	Failure string
	Lost    bool
}

// replica is what a replica works with.
type replica struct {
	store   store.Store
	journal *custody.Journal
	client  *amo.Client
	root    string
}

// replicaMain runs until the end of stdin.
func replicaMain(argument string, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := serveReplica(context.Background(), argument, stdin, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "replica: %v\n", err)
		return 1
	}
	return 0
}

func serveReplica(ctx context.Context, argument string, stdin io.Reader, stdout io.Writer) (err error) {
	var config replicaConfig
	if err := json.Unmarshal([]byte(argument), &config); err != nil {
		return err
	}
	r, err := openReplica(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	answers := json.NewEncoder(stdout)
	if err := answers.Encode(usedToken{}); err != nil { // it is ready
		return err
	}
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		if err := answers.Encode(r.use(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// openReplica opens the store and stores what a process before could not, as
// serve does.
func openReplica(ctx context.Context, config replicaConfig) (_ *replica, err error) {
	s := settings.Default().Divided(config.Divisor)
	root, err := url.Parse(config.Upstream)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Load(config.Ring)
	if err != nil {
		return nil, err
	}
	r := &replica{root: config.Upstream}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(ctx))
		}
	}()
	opened, err := store.Open(ctx, config.Store, store.Options{Settings: settings.Default()})
	if err != nil {
		return nil, err
	}
	r.store = opened
	if r.journal, err = custody.OpenJournal(config.Dir); err != nil {
		return nil, err
	}
	if _, err = r.journal.Replay(ctx, r.store); err != nil {
		return nil, err
	}
	r.client, err = amo.New(amo.Config{
		Account: config.Account, BaseURL: root, Settings: s, AllowInsecure: true,
		// A limiter of its own, since this is about tokens: it paces the token
		// calls of this process alone.
		Rate: 7,
		Auth: amo.Kept{
			Kind: custody.KindOAuth,
			Keeper: custody.Config{
				Account: config.Account, Owner: strconv.Itoa(os.Getpid()), Store: r.store, Ring: ring, Journal: r.journal,
				Step: func(p custody.Point) {
					if p == config.Point {
						_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
						select {} // until it comes
					}
				},
			},
			Integration: amo.Integration{
				ClientID: emulator.DefaultClientID, ClientSecret: emulator.DefaultClientSecret, RedirectURL: emulator.DefaultRedirectURL,
			},
		},
	})
	return r, err
}

func (r *replica) close(ctx context.Context) error {
	var errs []error
	if r.client != nil {
		errs = append(errs, r.client.Keeper().Close(ctx))
		r.client.Close()
	}
	if r.journal != nil {
		errs = append(errs, r.journal.Close())
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	return errors.Join(errs...)
}

// use does with the tokens what a client does: it asks upstream, gets new ones
// when upstream refuses these, and asks again.
func (r *replica) use(ctx context.Context) (u usedToken) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+settings.Default().Lease)
	defer cancel()
	keeper := r.client.Keeper()
	for try := range 2 {
		secret, generation, err := keeper.Current(ctx)
		if err != nil {
			return u.failed(err)
		}
		taken, err := r.ask(ctx, secret.Access)
		switch {
		case err != nil:
			return u.failed(err)
		case taken:
			keeper.Accepted(generation)
			u.Generation = generation
			return u
		case try > 0:
			return u.failed(errors.New("upstream refuses the new token"))
		}
		began := time.Now()
		err = keeper.Renew(ctx, generation)
		u.Wait = time.Since(began)
		if err != nil {
			return u.failed(err)
		}
	}
	return u
}

func (u usedToken) failed(err error) usedToken {
	u.Failure, u.Lost = err.Error(), amo.IsKind(err, amo.KindTokenLost)
	return u
}

// ask says whether upstream takes an access token.
func (r *replica) ask(ctx context.Context, token string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.root+"/api/v4/account", nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return false, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusUnauthorized:
		return false, nil
	}
	return false, fmt.Errorf("upstream answers %s", resp.Status)
}
