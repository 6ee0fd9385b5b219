package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/internal/pgtest"
)

// storeUnavailable is what callers are told who need a store that is away.
var storeUnavailable = failure{code: codes.Unavailable, reason: "STORE_UNAVAILABLE"}

// onOwnServer runs a row on a farm over a server that the row may stop, and starts
// it again.
func (x *executable) onOwnServer(ctx context.Context, config farmConfig, row func(*farm, *pgtest.Cluster) (string, error)) (string, error) {
	cluster, url, err := x.databases.stoppable(ctx)
	if err != nil {
		return "", err
	}
	config.url = url
	measured, err := onFarm(ctx, config, func(f *farm) (string, error) {
		f.onClose(func() error { return running(context.WithoutCancel(ctx), cluster) })
		return row(f, cluster)
	})
	return measured, err
}

// running starts a server unless it runs.
func running(ctx context.Context, cluster *pgtest.Cluster) error {
	if execute(ctx, cluster.URL, "SELECT 1") == nil {
		return nil
	}
	return cluster.Start(ctx)
}

// storeDownBefore stops the server before it is time to refresh.
func (x *executable) storeDownBefore(ctx context.Context) (string, error) {
	return x.onOwnServer(ctx, farmConfig{}, func(f *farm, cluster *pgtest.Cluster) (string, error) {
		// It is time to refresh in 2 to 4 seconds.
		const old, left = 6 * time.Second, 12 * time.Second
		if err := f.ageTo(ctx, old, left); err != nil {
			return "", err
		}
		end := time.Now().Add(left)
		h, err := f.replica(ctx)
		if err != nil {
			return "", err
		}
		if err := h.call(ctx); err != nil {
			return "", err
		}
		if err := cluster.Stop(pgtest.Immediate); err != nil {
			return "", err
		}
		stop := calling(ctx, h, shop, allOK)
		err = pause(ctx, time.Until(end)-callPause)
		calls, failed := stop()
		if err := errors.Join(err, failed); err != nil {
			return "", fmt.Errorf("before the access token ended: %w", err)
		}
		if err := pause(ctx, 2*callPause); err != nil {
			return "", err
		}
		for range 3 {
			brief, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := failureOf(h.call(brief)).want(storeUnavailable.code, storeUnavailable.reason)
			cancel()
			if err != nil {
				return "", fmt.Errorf("after the access token ended: %w", err)
			}
		}
		if err := f.wantTokens(0, 0); err != nil {
			return "", err
		}
		if err := cluster.Start(ctx); err != nil {
			return "", err
		}
		took, err := until(ctx, 5*time.Second, func() (bool, error) { return h.call(ctx) == nil, nil })
		if err != nil {
			return "", fmt.Errorf("calls are OK with the server: %w", err)
		}
		return fmt.Sprintf("%d calls OK, no token call; OK %s after the server was back", calls, round(took)), f.wantTokens(1, 0)
	})
}

// storeDownAfter stops the server while a replica has the answer of the token
// endpoint. In a first round the process goes on until the server is back, in a
// second one it is told to end before.
func (x *executable) storeDownAfter(ctx context.Context, on bool) (string, error) {
	return inTurn(ctx,
		func(ctx context.Context) (string, error) {
			return x.onOwnServer(ctx, farmConfig{emulated: grace(on)}, func(f *farm, cluster *pgtest.Cluster) (string, error) {
				return f.storeDownAfter(ctx, cluster, false)
			})
		},
		func(ctx context.Context) (string, error) {
			return x.onOwnServer(ctx, farmConfig{emulated: grace(on)}, func(f *farm, cluster *pgtest.Cluster) (string, error) {
				return f.storeDownAfter(ctx, cluster, true)
			})
		})
}

func (f *farm) storeDownAfter(ctx context.Context, cluster *pgtest.Cluster, ends bool) (string, error) {
	if err := f.age(ctx, time.Hour); err != nil {
		return "", err
	}
	h, config, err := f.doomed(ctx, custody.AfterCall, syscall.SIGSTOP)
	if err != nil {
		return "", err
	}
	brief, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = h.call(brief) // it begins the refresh, and may hang with the process
	if err := h.logged(ctx, atPoint); err != nil {
		return "", err
	}
	if err := errors.Join(cluster.Stop(pgtest.Immediate), h.goOn()); err != nil {
		return "", err
	}
	if err := h.logged(ctx, "new tokens wait for the store and are not used before it has them"); err != nil {
		return "", err
	}
	stop := calling(ctx, h, shop, allOK)
	err = pause(ctx, time.Second)
	calls, failed := stop()
	if err := errors.Join(err, failed); err != nil {
		return "", err
	}
	told := "while it was away"
	if ends {
		told = "and then ended"
		if err := errors.Join(h.terminate(), h.wait(ctx)); err != nil {
			return "", err
		}
	}
	if err := cluster.Start(ctx); err != nil {
		return "", err
	}
	back := time.Now()
	if ends {
		if h, err = f.hire(ctx, config); err != nil {
			return "", err
		}
	}
	if _, err := until(ctx, 5*time.Second, func() (bool, error) {
		r, err := f.stored(ctx)
		return r.Generation == 2 && r.State == custody.StateOK, err
	}); err != nil {
		return "", fmt.Errorf("the pair is in the store: %w", err)
	}
	took := time.Since(back)
	if err := h.call(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d calls OK %s; the pair was stored %s after the server was back", calls, told, round(took)), f.wantTokens(1, 0)
}
