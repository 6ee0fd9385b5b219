// Package keyring seals what must not be readable at rest, with AES-256-GCM and
// a ring of keys that can be rotated while everything runs.
package keyring

import "errors"

// ErrUnknownKey is the error of Open for a key that the ring does not hold.
var ErrUnknownKey = errors.New("keyring: the key is not in the ring")

// ErrForged is the error of Open for data that the key does not open, or that
// belongs elsewhere.
var ErrForged = errors.New("keyring: the data is damaged, or was sealed for another place")

// Context binds sealed data to its place: moved to another one it does not open.
type Context struct {
	// Table and Account are the place.
	Table, Account string
	// Generation is that of the data.
	Generation int64
}

// Ring is a ring of keys. It is safe for concurrent use.
type Ring struct{}

// Active returns the id of the key that seals.
func (r *Ring) Active() string { panic("not yet") }

// Seal encrypts plain with the active key and returns that key's id.
func (r *Ring) Seal(c Context, plain []byte) (keyID string, sealed []byte, err error) {
	panic("not yet")
}

// Open decrypts what Seal returned. It reads the ring's source again when the key
// is not known: another process may have rotated.
func (r *Ring) Open(c Context, keyID string, sealed []byte) ([]byte, error) { panic("not yet") }
