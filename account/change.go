package account

import (
	"context"
	"fmt"

	"github.com/amogate/amogate/amo"
)

// Remove removes an account with all that is stored of it. Calls in flight come
// to their end. Its error is ErrNotFound, ErrFromFlags or an *amo.Error of the
// store.
func (r *Registry) Remove(ctx context.Context, name string) error {
	if r.isStatic(name) {
		return ErrFromFlags
	}
	if err := r.config.Store.RemoveAccount(ctx, name); err != nil {
		return fmt.Errorf("account: remove account: %w", err)
	}
	r.config.Logger.InfoContext(ctx, "account removed", "account", name)
	r.reading.Lock()
	defer r.reading.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.records, name)
	delete(r.begun, name)
	r.retire(name)
	r.drop(name)
	return nil
}

// move follows an account to the host that upstream tells: the host is checked,
// stored, and asked from then on.
func (r *Registry) move(ctx context.Context, name, told string) error {
	host, err := amo.ParseHost(told, r.config.AllowInsecure)
	if err != nil {
		return &amo.Error{Kind: amo.KindMoved, Message: "the account lives on another host, which is none of amoCRM's; nothing was sent there", Err: err}
	}
	if err := r.config.Store.MoveAccount(ctx, name, host.String(), 0); err != nil {
		return fmt.Errorf("account: store the account's URL: %w", err)
	}
	r.config.Logger.InfoContext(ctx, "account moved", "account", name, "url", host.String())
	record, err := r.config.Store.Account(ctx, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.handles[name]
	if !ok {
		return nil
	}
	h.client.Move(host)
	if err == nil {
		// The client has followed: it need not be made anew.
		h.revision, r.records[name] = record.Revision, stored{record, r.records[name].kind}
	}
	return nil
}
