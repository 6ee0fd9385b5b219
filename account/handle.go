package account

import (
	"context"
	"fmt"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
)

// handle is an account in use.
type handle struct {
	name string
	// revision and created are those of the record that it was made of.
	revision int64
	created  time.Time
	client   *amo.Client
	// keeper keeps the stored credentials; nil for the account of the flags.
	keeper *custody.Keeper

	// users counts the calls that have the client.
	users int
}

// handle returns the handle of an account, and makes it when there is none.
// Nothing is sent or read.
func (r *Registry) handle(name string) (*handle, error) {
	if h, ok := r.handles[name]; ok {
		return h, nil
	}
	record, ok := r.records[name]
	if !ok && !r.isStatic(name) {
		return nil, ErrNotFound
	}
	var h *handle
	var err error
	if ok {
		h, err = r.openStored(record)
	} else {
		h, err = r.openStatic()
	}
	if err != nil {
		return nil, fmt.Errorf("account: open %q: %w", name, err)
	}
	if !r.closed {
		r.handles[name] = h
	}
	return h, nil
}

func (r *Registry) openStatic() (*handle, error) {
	client, err := r.newClient(FlagName, "", r.config.Static.Host, r.config.Static.Auth)
	if err != nil {
		return nil, err
	}
	return &handle{name: FlagName, client: client}, nil
}

func (r *Registry) openStored(record stored) (*handle, error) {
	host, err := r.storedHost(record.URL)
	if err != nil {
		return nil, err
	}
	client, err := r.newClient(record.Name, record.identity(), host, amo.Kept{
		Kind: record.kind,
		Keeper: custody.Config{
			Account: record.Name, Owner: r.config.Owner, Store: r.config.Store, Ring: r.config.Ring,
			Journal: r.config.Journal, Settings: r.config.Settings, Logger: r.config.Logger, Step: r.config.Step,
		},
		Integration: r.config.Integration,
		Moved:       func(ctx context.Context, host string) error { return r.move(ctx, record.Name, host) },
	})
	if err != nil {
		return nil, err
	}
	return &handle{name: record.Name, revision: record.Revision, created: record.CreatedAt, client: client, keeper: client.Keeper()}, nil
}

// newClient returns a client over the limiter of an account. It is called with mu
// held.
func (r *Registry) newClient(name, identity string, host amo.Host, auth amo.Auth) (*amo.Client, error) {
	limiter, err := r.limiter(name, host)
	if err != nil {
		return nil, err
	}
	config := r.configure(name, host, auth, limiter)
	config.Identity = identity
	return amo.New(config)
}

// try returns the configuration of a client that nobody else gets, over the
// limiter of an account that there need not be. done ends the use of it.
func (r *Registry) try(name string, host amo.Host, auth amo.Auth) (_ amo.Config, done func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter, err := r.limiter(name, host)
	if err != nil {
		return amo.Config{}, nil, err
	}
	r.trying[name]++
	done = func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.trying[name]--
		r.drop(name)
	}
	return r.configure(name, host, auth, limiter), done, nil
}

func (r *Registry) configure(name string, host amo.Host, auth amo.Auth, limiter *limit.Limiter) amo.Config {
	config := r.config.Client
	config.Account, config.BaseURL, config.Auth, config.Limiter = name, host.URL(), auth, limiter
	config.Settings, config.AllowInsecure = r.config.Settings, r.config.AllowInsecure
	return config
}

// limiter returns the limiter of an account; there is one in a process. An
// account of the vendor's gets no more than the vendor allows, whatever rate an
// emulated one may have. It is called with mu held.
func (r *Registry) limiter(name string, host amo.Host) (*limit.Limiter, error) {
	if l, ok := r.limiters[name]; ok {
		return l, nil
	}
	rate := r.config.Client.Rate
	if rate == 0 {
		rate = amo.DefaultRate
	}
	emulated := r.config.AllowInsecure && host.Zone() == ""
	if !emulated {
		rate = min(rate, limit.MaxRate)
	}
	l, err := limit.New(limit.Config{
		Account: name, Rate: rate, Emulated: emulated, Store: r.config.Limits, Presence: r.presence,
		Settings: r.config.Settings, Logger: r.config.Logger,
	})
	if err != nil {
		return nil, err
	}
	r.limiters[name] = l
	return l, nil
}

// enter gives a call the client of a handle until its context is done. A context
// without an end is not counted.
func (r *Registry) enter(ctx context.Context, h *handle) {
	if ctx.Done() == nil {
		return
	}
	h.users++
	context.AfterFunc(ctx, func() { r.leave(h) })
}

// leave ends what enter began.
func (r *Registry) leave(h *handle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.users--
	r.finish(h)
}

// retire lets no further call have the client of an account, and closes it after
// those that have it. It is called with mu held.
func (r *Registry) retire(name string) {
	h, ok := r.handles[name]
	if !ok {
		return
	}
	delete(r.handles, name)
	r.retired[h] = true
	r.finish(h)
}

// finish closes a retired handle that nobody uses, and forgets the limiter of an
// account that is gone. It is called with mu held.
func (r *Registry) finish(h *handle) {
	if !r.retired[h] || h.users > 0 {
		return
	}
	delete(r.retired, h)
	r.tasks.Go(func() {
		if err := h.close(r.patience); err != nil {
			r.config.Logger.ErrorContext(r.life, "account closed with new tokens that are not stored", "account", h.name, "error", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.drop(h.name)
	})
}

// drop forgets the limiter of an account that is gone, and that nobody tries to
// add. It is called with mu held.
func (r *Registry) drop(name string) {
	_, stored := r.records[name]
	_, used := r.handles[name]
	if r.trying[name] > 0 {
		return
	}
	delete(r.trying, name)
	if l, ok := r.limiters[name]; ok && !stored && !used && !r.isStatic(name) {
		delete(r.limiters, name)
		l.Close()
	}
}

// close ends the work of a handle. It waits for new tokens to be durable.
func (h *handle) close(ctx context.Context) error {
	var err error
	if h.keeper != nil {
		err = h.keeper.Close(ctx)
	}
	h.client.Close()
	return err
}
