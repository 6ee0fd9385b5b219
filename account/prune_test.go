package account_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/keyring"
)

// pruning is an addition in one process while another rotates the keys.
type pruning struct {
	*rig
	other *account.Registry
	// ring is that of the other process.
	ring *keyring.Ring
	// add stores what a code is worth.
	add func(ctx context.Context)
}

// rotate removes every key but a new one, in the other process.
func (p *pruning) rotate() {
	if _, err := p.other.Rotate(p.t.Context(), false, true); err != nil {
		p.t.Error(err)
	}
}

// wantOpen fails unless a process that starts now opens the account.
func (p *pruning) wantOpen(generation int64) {
	p.t.Helper()
	ring, err := keyring.Load(p.rig.ring.Path())
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := p.store.Credentials(p.t.Context(), "shop")
	if err != nil {
		p.t.Fatal(err)
	}
	secret, err := custody.Open(ring, c)
	if err != nil || secret.Refresh == "" || c.Generation != generation || c.ExpiresAt.IsZero() {
		p.t.Errorf("generation %d, which ends at %v: %v", c.Generation, c.ExpiresAt, err)
	}
}

// What is added is sealed first and stored then. A rotation in another process may
// come in between, or begin there and see the store without it.
func TestAdd_whileAnotherProcessPrunesKeys(t *testing.T) {
	for name, test := range map[string]func(p *pruning){
		"between sealing and storing": func(p *pruning) {
			p.store.ahead.Store(new(p.rotate))
			p.add(p.t.Context())
		},
		"around storing": func(p *pruning) {
			looked, added, pruned := make(chan bool), make(chan bool), make(chan bool)
			p.store.ahead.Store(new(func() {
				// The second look at the store is that of the prune.
				p.store.behind.Store(new(func() {
					p.store.behind.Store(new(func() {
						close(looked)
						<-added
					}))
				}))
				go func() {
					defer close(pruned)
					p.rotate()
				}()
				<-looked
			}))
			p.add(p.t.Context())
			close(added)
			<-pruned
		},
		"behind storing": func(p *pruning) {
			p.store.taken.Store(new(p.rotate))
			p.add(p.t.Context())
		},
		"and the caller goes away": func(p *pruning) {
			ctx, cancel := context.WithCancel(p.t.Context())
			p.store.ahead.Store(new(p.rotate))
			p.store.taken.Store(new(func() { cancel() }))
			p.add(ctx)
		},
		"that were retired behind its look": func(p *pruning) {
			old := p.ring.Active()
			p.store.behind.Store(new(func() {
				p.store.behind.Store(new(func() {
					p.add(p.t.Context())
					if _, err := p.ring.Add(true); err != nil {
						p.t.Error(err)
					}
				}))
			}))
			rotation, err := p.other.Rotate(p.t.Context(), true, true)
			if err != nil || !slices.Contains(rotation.Keys, old) {
				p.t.Errorf("Rotate = %+v, %v, want %q kept", rotation, err, old)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, replace := range []bool{false, true} {
				t.Run(map[bool]string{false: "create", true: "replace"}[replace], func(t *testing.T) {
					runWith(t, calm, func(r *rig) { prunes(r, replace, test) })
				})
			}
		})
	}
}

// prunes runs a test of TestAdd_whileAnotherProcessPrunesKeys.
func prunes(r *rig, replace bool, test func(p *pruning)) {
	t := r.t
	e := r.shop()
	ring, err := keyring.Load(r.ring.Path())
	if err != nil {
		t.Fatal(err)
	}
	p := &pruning{rig: r, ring: ring}
	p.other = r.open(func(c *account.Config) { calm(c); c.Ring, c.Owner = ring, "other" })
	defer func() { _ = p.other.Close(context.WithoutCancel(t.Context())) }()
	generation := int64(1)
	if replace {
		r.addToken("shop", "shop.amocrm.ru")
		generation++
	}
	p.add = func(ctx context.Context) {
		_, err := r.Add(ctx, account.Addition{
			Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Code: account.Code(e.IssueCode())}, Replace: replace,
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Add = %v", err)
		}
	}
	test(p)
	p.wantOpen(generation)
}
