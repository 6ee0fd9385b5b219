package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// ErrUnknownKey is the error of Open for a key that the ring does not hold.
var ErrUnknownKey = errors.New("keyring: the key is not in the ring")

// ErrForged is the error of Open for data that the key does not open, or that
// belongs elsewhere.
var ErrForged = errors.New("keyring: the data is damaged, or was sealed for another place")

// version is the first byte of sealed data.
const version = 1

// Context binds sealed data to its place: moved to another one it does not open.
type Context struct {
	// Table and Account are the place.
	Table, Account string
	// Generation is that of the data.
	Generation int64
}

// additional returns the data that is authenticated beside the plain text. Each
// text is preceded by its length, so that no two contexts look alike.
func (c Context) additional(keyID string) []byte {
	b := []byte{version}
	for _, text := range []string{c.Table, c.Account} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Generation)) //nolint:gosec // any bijection will do
	b = binary.BigEndian.AppendUint64(b, uint64(len(keyID)))
	return append(b, keyID...)
}

// Ring is a ring of keys: that of Load or of Parse. It is safe for concurrent
// use, and prints as ***.
type Ring struct {
	// path is the file that the ring follows; empty = none.
	path string

	// reading is held by the one look at the file at a time, so that no older one
	// takes the place of a newer: what Active says is never older than the call.
	reading sync.Mutex

	mu sync.RWMutex
	// read is the file as it was last read.
	read fs.FileInfo
	keys keys
}

// keys are the keys of a ring at one moment.
type keys struct {
	// ids are those of all keys, in the order of the lines.
	ids    []string
	active string
	aeads  map[string]cipher.AEAD
}

// add adds a key of 32 bytes.
func (k *keys) add(id string, key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	k.ids = append(k.ids, id)
	k.aeads[id] = aead
	return nil
}

// Format hides the keys, whatever the verb.
func (*Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText hides the keys from encoders and logs.
func (*Ring) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Path returns the file that the ring follows; empty = the ring is fixed.
func (r *Ring) Path() string { return r.path }

// Active returns the id of the key that seals.
func (r *Ring) Active() string {
	r.follow()
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys.active
}

// IDs returns the ids of all keys, in the order of the ring.
func (r *Ring) IDs() []string {
	r.follow()
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.keys.ids)
}

// Seal encrypts plain with the active key and returns that key's id.
func (r *Ring) Seal(c Context, plain []byte) (keyID string, sealed []byte, err error) {
	// A key that another process has retired must not seal any more.
	r.follow()
	r.mu.RLock()
	keyID = r.keys.active
	aead := r.keys.aeads[keyID]
	r.mu.RUnlock()
	if aead == nil {
		return "", nil, ErrUnknownKey
	}
	sealed = make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	sealed[0] = version
	nonce := sealed[1:]
	_, _ = rand.Read(nonce)                                                 // never fails
	return keyID, aead.Seal(sealed, nonce, plain, c.additional(keyID)), nil //nolint:gosec // the nonce is random
}

// Open decrypts what Seal returned, with ErrUnknownKey or ErrForged where it
// cannot. It reads the ring's file again when the key is not known: another
// process may have rotated.
func (r *Ring) Open(c Context, keyID string, sealed []byte) ([]byte, error) {
	aead, err := r.find(keyID)
	if err != nil {
		return nil, err
	}
	if len(sealed) < 1+aead.NonceSize() || sealed[0] != version {
		return nil, ErrForged
	}
	nonce, data := sealed[1:1+aead.NonceSize()], sealed[1+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, data, c.additional(keyID))
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}

// find returns a key of the ring, or of its file.
func (r *Ring) find(keyID string) (cipher.AEAD, error) {
	if aead := r.known(keyID); aead != nil {
		return aead, nil
	}
	if r.path == "" {
		return nil, ErrUnknownKey
	}
	if err := r.reload(); err != nil {
		return nil, errors.Join(ErrUnknownKey, err)
	}
	if aead := r.known(keyID); aead != nil {
		return aead, nil
	}
	return nil, ErrUnknownKey
}

func (r *Ring) known(keyID string) cipher.AEAD {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys.aeads[keyID]
}

// follow reads the ring's file again when it has changed. While it cannot be
// read or understood, the keys that are known go on.
func (r *Ring) follow() {
	if r.path == "" {
		return
	}
	info, err := os.Stat(r.path)
	if err != nil {
		return
	}
	r.mu.RLock()
	same := r.read != nil && os.SameFile(r.read, info) && r.read.ModTime().Equal(info.ModTime()) && r.read.Size() == info.Size()
	r.mu.RUnlock()
	if !same {
		_ = r.reload()
	}
}

// reload reads the ring's file.
func (r *Ring) reload() error {
	r.reading.Lock()
	defer r.reading.Unlock()
	k, info, err := readFile(r.path)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.read = k, info
	return nil
}
