package custody

import (
	"time"

	"github.com/amogate/amogate/keyring"
)

// Seal seals credentials that a person gave, or that were exchanged for a code,
// for PutCredentials or a store's first record; life is that of the access token,
// 0 = it does not expire or nobody knows. Where the token itself tells its end,
// the shorter of both counts.
func Seal(ring *keyring.Ring, account string, generation int64, secret Secret, life time.Duration) (Sealed, error) {
	panic("not yet")
}
