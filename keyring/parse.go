package keyring

import (
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// keySize is the size of a key of AES-256, in bytes.
const keySize = 32

// maxID is the length of the longest id of a key. A key in hexadecimal, that
// stands where the id belongs, is longer.
const maxID = 40

// Parse returns the fixed ring of a text, for instance of an environment
// variable; commas may stand for line breaks. An error names the line and the
// remedy, and shows nothing of a key.
func Parse(text string) (*Ring, error) {
	k, err := parse(strings.ReplaceAll(text, ",", "\n"))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return &Ring{keys: k}, nil
}

// line is a line of a ring with a key.
type line struct {
	id     string
	key    []byte
	active bool
}

// parse reads every line and returns everything that is wrong.
func parse(text string) (keys, error) {
	k := keys{aeads: map[string]cipher.AEAD{}}
	var errs []error
	marked := false
	for i, raw := range strings.Split(text, "\n") {
		l, err := parseLine(raw)
		switch {
		case err != nil:
		case l.id == "":
			continue
		case k.aeads[l.id] != nil:
			err = errors.New("its id is that of a line before; give it another")
		case l.active && marked:
			err = errors.New("it is marked with * as one before; leave one mark")
		default:
			err = k.add(l.id, l.key)
			if l.active || !marked {
				k.active = l.id
			}
			marked = marked || l.active
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", i+1, err))
		}
	}
	if len(errs) == 0 && len(k.ids) == 0 {
		errs = append(errs, errors.New("there is no key in it; a line is ID:KEY, the key being 32 random bytes in base64"))
	}
	if err := errors.Join(errs...); err != nil {
		return keys{}, err
	}
	return k, nil
}

// parseLine reads one line. A line without a key has no id.
func parseLine(raw string) (line, error) {
	text, _, _ := strings.Cut(raw, "#")
	text = strings.TrimSpace(text)
	if text == "" {
		return line{}, nil
	}
	rest, active := strings.CutPrefix(text, "*")
	id, encoded, found := strings.Cut(rest, ":")
	if !found {
		return line{}, errors.New("there is no colon in it; a line is ID:KEY")
	}
	id, encoded = strings.TrimSpace(id), strings.TrimSpace(encoded)
	if !validID(id) {
		return line{}, fmt.Errorf("its id is not one: 1 to %d of a to z, 0 to 9, hyphen, underscore and point", maxID)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		// The error of the decoder tells a byte of the key.
		return line{}, fmt.Errorf("the key of %q is not base64", id)
	}
	if len(key) != keySize {
		return line{}, fmt.Errorf("the key of %q has %d bytes instead of %d; make one with: head -c 32 /dev/urandom | base64", id, len(key), keySize)
	}
	return line{id: id, key: key, active: active}, nil
}

// validID says whether id names a key. Nothing of an id can be taken for a key:
// an error may show it.
func validID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r) {
			return false
		}
	}
	return true
}
