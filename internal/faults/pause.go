package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// holderPaused stops a replica that has the lease, for longer than the lease,
// before and after its call of the token endpoint.
func (x *executable) holderPaused(ctx context.Context, on bool, paused time.Duration) (string, error) {
	return inTurn(ctx,
		func(ctx context.Context) (string, error) {
			text, err := x.onPostgres(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) { return f.pausedBefore(ctx, paused) })
			return "before its call: " + text, err
		},
		func(ctx context.Context) (string, error) {
			text, err := x.onPostgres(ctx, farmConfig{emulated: grace(on)}, func(f *farm) (string, error) { return f.pausedAfter(ctx, on, paused) })
			return "after it: " + text, err
		})
}

// stopAt has a replica stop at a point of its first refresh, and returns it with
// another one that serves by then.
func (f *farm) stopAt(ctx context.Context, point custody.Point) (holder, next *farmhand, err error) {
	if next, err = f.replica(ctx); err != nil {
		return nil, nil, err
	}
	if holder, _, err = f.doomed(ctx, point, syscall.SIGSTOP); err != nil {
		return nil, nil, err
	}
	// The call may see nothing of the refresh that it begins, or hang with the
	// process.
	brief, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = holder.call(brief)
	return holder, next, holder.logged(ctx, atPoint)
}

func (f *farm) pausedBefore(ctx context.Context, paused time.Duration) (string, error) {
	if err := f.age(ctx, time.Hour); err != nil {
		return "", err
	}
	holder, next, err := f.stopAt(ctx, custody.BeforeCall)
	if err != nil {
		return "", err
	}
	stop := calling(ctx, next, shop, allOK)
	err = pause(ctx, paused)
	calls, failed := stop()
	if err := errors.Join(err, failed, holder.goOn()); err != nil {
		return "", err
	}
	if err := pause(ctx, callPause); err != nil {
		return "", err
	}
	for _, h := range []*farmhand{holder, next} {
		if err := h.call(ctx); err != nil {
			return "", err
		}
	}
	r, err := f.stored(ctx)
	if err != nil {
		return "", err
	}
	if r.State != custody.StateOK || r.Generation != 2 {
		return "", fmt.Errorf("the credentials are generation %d and %s, want 2 and ok", r.Generation, r.State)
	}
	return fmt.Sprintf("the next replica refreshed, the paused one sent nothing; %d calls OK", calls), f.wantTokens(1, 0)
}

func (f *farm) pausedAfter(ctx context.Context, on bool, paused time.Duration) (string, error) {
	left := paused - paused/5
	if err := f.age(ctx, left); err != nil {
		return "", err
	}
	end := time.Now().Add(left)
	holder, next, err := f.stopAt(ctx, custody.AfterCall)
	if err != nil {
		return "", err
	}
	stop := calling(ctx, next, shop, allOK)
	err = pause(ctx, time.Until(end)-callPause)
	calls, failed := stop()
	if err := errors.Join(err, failed); err != nil {
		return "", err
	}
	if err := pause(ctx, 2*callPause); err != nil {
		return "", err
	}
	err = next.call(ctx)
	if !on {
		err = failureOf(err).want(tokenLost.code, tokenLost.reason)
	}
	if err != nil {
		return "", fmt.Errorf("after the access token ended: %w", err)
	}
	if err := holder.goOn(); err != nil {
		return "", err
	}
	begun := time.Now()
	if _, err := until(ctx, 2*time.Second, func() (bool, error) {
		return holder.call(ctx) == nil && next.call(ctx) == nil, nil
	}); err != nil {
		return "", fmt.Errorf("calls are OK after the pause: %w", err)
	}
	mended := time.Since(begun)
	r, err := f.stored(ctx)
	if err != nil {
		return "", err
	}
	if r.State != custody.StateOK || r.Generation != 2 {
		return "", fmt.Errorf("the credentials are generation %d and %s, want 2 and ok", r.Generation, r.State)
	}
	refused := int64(1)
	told := "then TOKEN_LOST, mended"
	if on {
		refused, told = 0, "OK"
	}
	return fmt.Sprintf("%d calls OK, %s %s after the pause", calls, told, round(mended)), f.wantTokens(2, refused)
}
