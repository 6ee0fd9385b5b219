package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/keyring"
)

// Table is the table of keyring.Context for credentials.
const Table = "credentials"

// Secret are credentials in clear. Only the fields of its kind are set. It
// prints as ***.
type Secret struct {
	// Access and Refresh are the pair of KindOAuth; Access is the token of
	// KindToken.
	Access, Refresh string
	// Login and APIKey are those of KindSession.
	Login, APIKey string
}

// Format hides the credentials, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText hides the credentials from encoders and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Pair is the answer of a token endpoint. It prints as ***.
type Pair struct {
	// Access and Refresh are the new tokens.
	Access, Refresh string
	// Life is the life of Access from the answer on; 0 = not known.
	Life time.Duration
}

// Format hides the tokens, whatever the verb.
func (Pair) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText hides the tokens from encoders and logs.
func (Pair) MarshalText() ([]byte, error) { return []byte("***"), nil }

// content is what is sealed.
type content struct {
	Access  string `json:"access,omitempty"`
	Refresh string `json:"refresh,omitempty"`
	Login   string `json:"login,omitempty"`
	APIKey  string `json:"api_key,omitempty"`
}

// Seal seals credentials as a generation of an account: what a person gave, or
// what was exchanged for a code. Life is that of the access token from now, 0 = it
// does not expire or nobody knows. Where the token itself tells its end, the shorter
// of both counts.
func Seal(ring *keyring.Ring, account string, generation int64, secret Secret, life time.Duration) (Sealed, error) {
	plain, err := json.Marshal(content(secret)) //nolint:gosec // it is sealed at once
	if err != nil {
		return Sealed{}, err
	}
	id, data, err := ring.Seal(place(account, generation), plain)
	if err != nil {
		return Sealed{}, err
	}
	if end, ok := TokenEnd(secret.Access); ok {
		left := max(time.Until(end), time.Millisecond)
		if life == 0 || left < life {
			life = left
		}
	}
	return Sealed{Generation: generation, KeyID: id, Data: data, Life: life}, nil
}

// Open opens the credentials of a record. Its error is of KindUndecryptable, and
// wraps keyring.ErrUnknownKey or keyring.ErrForged.
func Open(ring *keyring.Ring, r Record) (Secret, error) {
	plain, err := ring.Open(place(r.Account, r.Generation), r.KeyID, r.Sealed)
	var c content
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return Secret{}, &driver.Error{
			Kind:    driver.KindUndecryptable,
			Message: fmt.Sprintf("the account's credentials are sealed with the key %q, which is not in the key ring; put it back there, or add the account's credentials again", r.KeyID),
			Err:     err,
		}
	case err != nil:
		return Secret{}, &driver.Error{
			Kind:    driver.KindUndecryptable,
			Message: fmt.Sprintf("the key %q does not open the account's credentials: the ring is another installation's, or the row is damaged; mend the ring, or add the account's credentials again", r.KeyID),
			Err:     err,
		}
	}
	return Secret(c), nil
}

// OpenStored opens a record of a store and returns it as it was opened. A rotation
// may have sealed it anew since it was read, and pruned the key: then it is read
// again. Its error is that of Open.
func OpenStored(ctx context.Context, ring *keyring.Ring, s Store, r Record) (Secret, Record, error) {
	for {
		secret, err := Open(ring, r)
		if !errors.Is(err, keyring.ErrUnknownKey) {
			return secret, r, err
		}
		again, failed := s.Credentials(ctx, r.Account)
		if failed != nil || again.KeyID == r.KeyID {
			return Secret{}, r, err
		}
		r = again
	}
}

// Reseal seals credentials in the store with the active key, unless r.KeyID, which
// seals them there, is active. It says false when there was nothing to do, or when
// r was changed meanwhile.
//
// Whoever has stored something outside of a lease calls it. A rotation removes only
// keys that were not active any more before it looked at the store. So either it
// found these credentials, or the key is seen to be another one here: there is none
// that both miss.
func Reseal(ctx context.Context, ring *keyring.Ring, s Store, r Record, secret Secret) (bool, error) {
	done := false
	// The active key may be another one again when the store has them.
	for r.KeyID != ring.Active() {
		sealed, err := Seal(ring, r.Account, r.Generation, secret, 0)
		if err != nil {
			return done, err
		}
		changed, err := s.Reseal(ctx, r.Account, r.Generation, r.KeyID, sealed)
		if err != nil || !changed {
			return done, err
		}
		r.KeyID, done = sealed.KeyID, true
	}
	return done, nil
}

func place(account string, generation int64) keyring.Context {
	return keyring.Context{Table: Table, Account: account, Generation: generation}
}
