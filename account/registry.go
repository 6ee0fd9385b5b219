package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/keyring"
)

// Config is the configuration of a Registry. The zero value of a field means its
// default; Store, Limits, Ring, Journal and Owner have none.
type Config struct {
	// Store keeps the accounts, Limits the state of their limiters; both are
	// sides of one store.
	Store  Store
	Limits limit.Store
	// Ring seals credentials, Journal keeps new ones that the store did not take.
	Ring    *keyring.Ring
	Journal *custody.Journal
	// Owner names this process among the replicas. It is unique.
	Owner string
	// Integration is the OAuth integration. The zero value = none: tokens are
	// not renewed and nobody can consent.
	Integration amo.Integration
	// Zone is the domain of consents that name no account's URL. Default
	// amocrm.ru.
	Zone string
	// AllowInsecure lifts the checks of hosts and addresses, for tests and the
	// sandbox.
	AllowInsecure bool
	// Static is the account of the flags, which is not stored; nil = none.
	Static *Static
	// Default is the account of calls that name none. Default: the only one.
	Default string
	// Client is what the clients of all accounts have in common. Account,
	// BaseURL, Auth, Limiter and AllowInsecure are not read.
	Client amo.Config
	// Settings are the durations. Default: settings.Default.
	Settings settings.Settings
	// Logger gets changes of accounts, never a secret. Default: none.
	Logger *slog.Logger
	// Step is that of every keeper's custody.Config.
	Step func(custody.Point)
}

// Static is the account of the flags.
type Static struct {
	// Host is its host.
	Host amo.Host
	// Auth are its credentials.
	Auth amo.Auth
}

// withDefaults returns the configuration with every default filled in.
func (c Config) withDefaults() Config {
	c.Zone = cmp.Or(c.Zone, "amocrm.ru")
	if c.Settings == (settings.Settings{}) {
		c.Settings = settings.Default()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Client.Retries == nil {
		c.Client.Retries = amo.NewRetryBudget(c.Settings)
	}
	return c
}

// Registry are the accounts of an installation, with a client of each that is
// made when it is first used. It is safe for concurrent use.
type Registry struct {
	config   Config
	presence *limit.Presence

	mu sync.Mutex
	// records are the stored accounts as they were last seen.
	records map[string]stored
	handles map[string]*handle
	// limiters outlive the handles of their accounts: slots stay reserved when
	// credentials change.
	limiters map[string]*limit.Limiter
	// trying counts the trials of credentials under way, by account.
	trying map[string]int
	// begun are the consents that were begun here, by account.
	begun map[string]begun
	// retired are handles that no call gets any more, and some still have.
	retired map[*handle]bool
	closed  bool

	// reading is held by the one look at the store at a time, so that no older one
	// takes the place of a newer.
	reading sync.Mutex
	// rotating is held by the one rotation at a time.
	rotating sync.Mutex
	// life ends when Close begins, patience when it must end; tasks are what runs
	// in the background.
	life, patience context.Context //nolint:containedctx // the life of the registry, not of a call
	end, cut       context.CancelFunc
	tasks          sync.WaitGroup
}

// New returns the registry of a store, and begins to tend its accounts: pairs of
// tokens that processes before could not store are stored, tokens are renewed
// early, changes of other processes are seen. Its error is ErrNameTaken,
// ErrNoKeyFits, or an *amo.Error when the store does not answer. The caller
// closes the store, the ring and the journal after Close.
func New(ctx context.Context, config Config) (*Registry, error) {
	r := &Registry{
		config:   config.withDefaults(),
		presence: limit.NewPresence(config.Limits, config.Owner, config.withDefaults().Settings),
		records:  map[string]stored{},
		handles:  map[string]*handle{},
		limiters: map[string]*limit.Limiter{},
		begun:    map[string]begun{},
		retired:  map[*handle]bool{},
		trying:   map[string]int{},
	}
	if restored, err := r.config.Journal.Replay(ctx, r.config.Store); err != nil {
		return nil, fmt.Errorf("account: store the tokens that a process before could not: %w", err)
	} else if restored > 0 {
		r.config.Logger.InfoContext(ctx, "tokens of a process before stored", "accounts", restored)
	}
	if err := r.checkRing(ctx); err != nil {
		return nil, err
	}
	records, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	if _, taken := records[FlagName]; taken && r.config.Static != nil {
		return nil, ErrNameTaken
	}
	r.records = records
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	r.patience, r.cut = context.WithCancel(context.WithoutCancel(ctx))
	r.begin()
	return r, nil
}

// checkRing fails when the ring opens none of the credentials. One account that
// it does not open is that account's trouble.
func (r *Registry) checkRing(ctx context.Context) error {
	all, err := r.config.Store.AllCredentials(ctx)
	if err != nil {
		return fmt.Errorf("account: list credentials: %w", err)
	}
	closed := 0
	for _, c := range all {
		if _, c, err := custody.OpenStored(ctx, r.config.Ring, r.config.Store, c); err != nil {
			closed++
			r.config.Logger.ErrorContext(ctx, "credentials cannot be opened", "account", c.Account, "key", c.KeyID, "error", err)
		}
	}
	if closed > 0 && closed == len(all) {
		return ErrNoKeyFits
	}
	return nil
}

// Client returns the client of an account; with an empty name, that of the
// default account or of the only one. Its error is ErrNone, ErrUnnamed or
// ErrNotFound. It asks neither the store nor upstream. The client is the caller's
// until ctx is done: an account that is removed meanwhile goes on for it.
func (r *Registry) Client(ctx context.Context, name string) (*amo.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, err := r.choose(name)
	if err != nil {
		return nil, err
	}
	h, err := r.handle(name)
	if err != nil {
		return nil, err
	}
	r.enter(ctx, h)
	return h.client, nil
}

// choose returns the account that a call means.
func (r *Registry) choose(name string) (string, error) {
	if len(r.records) == 0 && r.config.Static == nil {
		return "", ErrNone
	}
	if name = cmp.Or(name, r.config.Default); name != "" {
		return name, nil
	}
	all := r.names()
	if len(all) > 1 {
		return "", ErrUnnamed
	}
	return all[0], nil
}

// names returns the names of all accounts, in order.
func (r *Registry) names() []string {
	all := slices.Collect(maps.Keys(r.records))
	if r.config.Static != nil {
		all = append(all, FlagName)
	}
	slices.Sort(all)
	return all
}

// isStatic says that a name is that of the account of the flags.
func (r *Registry) isStatic(name string) bool { return r.config.Static != nil && name == FlagName }

// Close ends what the registry does in the background and closes every client.
// It waits, no longer than ctx, until new tokens are durable somewhere, and says
// so when they are not.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	open := slices.AppendSeq(slices.Collect(maps.Values(r.handles)), maps.Keys(r.retired))
	clear(r.handles)
	clear(r.retired)
	r.mu.Unlock()

	defer r.cut()
	defer context.AfterFunc(ctx, r.cut)()
	r.end()
	errs := make([]error, len(open))
	var closing sync.WaitGroup
	for i, h := range open {
		closing.Go(func() { errs[i] = h.close(ctx) })
	}
	closing.Wait()
	r.tasks.Wait()
	for _, limiter := range r.limiters {
		limiter.Close()
	}
	return errors.Join(errs...)
}
