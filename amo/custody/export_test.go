package custody

import "context"

// Reload reads the credentials again, as a keeper does that has held them for long.
func (k *Keeper) Reload(ctx context.Context) error { return k.join(ctx, k.read) }
