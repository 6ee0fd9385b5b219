package main

import (
	"context"
	"log/slog"
	"time"

	amosettings "github.com/amogate/amogate/amo/settings"
)

// storeHealth is the service of grpc.health.v1 that says whether the store
// answers. The health of the server itself does not depend on it: calls with
// living tokens go on, and a restart mends nothing.
const storeHealth = "store"

// pinger is what the watch needs of a store.
type pinger interface {
	Ping(ctx context.Context) error
}

// storeWatch tells health whether the store answers.
type storeWatch struct {
	store    pinger
	settings amosettings.Settings
	logger   *slog.Logger
	tell     func(service string, serving bool)

	life context.Context //nolint:containedctx // the life of the watch, not of a call
	stop context.CancelFunc
}

// newStoreWatch returns a watch of a store that answers.
func newStoreWatch(store pinger, settings amosettings.Settings, logger *slog.Logger, tell func(string, bool)) *storeWatch {
	w := &storeWatch{store: store, settings: settings, logger: logger, tell: tell}
	w.life, w.stop = context.WithCancel(context.Background())
	tell(storeHealth, true)
	return w
}

// run asks the store until stop.
func (w *storeWatch) run() error {
	tick := time.NewTicker(w.settings.StorePing)
	defer tick.Stop()
	answered := true
	for {
		select {
		case <-w.life.Done():
			return nil
		case <-tick.C:
		}
		err := w.ping()
		if w.life.Err() != nil {
			return nil
		}
		if answers := err == nil; answers != answered {
			answered = answers
			w.tell(storeHealth, answers)
			w.note(err)
		}
	}
}

func (w *storeWatch) ping() error {
	ctx, cancel := context.WithTimeout(w.life, w.settings.StatementTimeout)
	defer cancel()
	return w.store.Ping(ctx)
}

func (w *storeWatch) note(err error) {
	if err != nil {
		w.logger.ErrorContext(w.life, "store lost", "error", err)
		return
	}
	w.logger.InfoContext(w.life, "store found again")
}
