package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// maxFile is the most bytes of a ring's file; thousands of keys fit.
const maxFile = 1 << 20

// ErrFixed is the error of changes to a ring that follows no file.
var ErrFixed = errors.New("keyring: the ring is that of an environment variable; change the variable and restart, or keep the ring in a file")

// Load returns the ring of a file, which it follows from then on. The error
// wraps fs.ErrNotExist where there is no file.
func Load(path string) (*Ring, error) {
	r := &Ring{path: path}
	if err := r.reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Generate makes a file, readable by its owner only, with a ring of one random
// key. It leaves a file that exists as it is: the error then wraps fs.ErrExist.
func Generate(path string) (*Ring, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("keyring: %s: %w", path, fs.ErrExist)
	}
	var text bytes.Buffer
	text.WriteString("# Keys that seal the credentials in amogate's store. Without this file they cannot be\n" +
		"# read: keep a copy where the store's copies are not. The key marked with * seals.\n")
	if _, err := writeKey(&text); err != nil {
		return nil, err
	}
	if err := replaceFile(path, text.Bytes(), false); err != nil {
		return nil, err
	}
	return Load(path)
}

// Add adds a random key to the ring's file, active or not, and returns its id.
// Where replicas have files of their own, the key belongs into all of them before
// it becomes active in one.
func (r *Ring) Add(activate bool) (string, error) {
	var id string
	err := r.edit(func(text []byte) ([]byte, error) {
		marked, err := mark(text, r.keys.active)
		if err != nil {
			return nil, err
		}
		if n := len(marked); n > 0 && marked[n-1] != '\n' {
			marked = append(marked, '\n')
		}
		added := bytes.NewBuffer(marked)
		if id, err = writeKey(added); err != nil {
			return nil, err
		}
		// The key of writeKey is marked as well: leave one mark.
		active := r.keys.active
		if activate {
			active = id
		}
		return mark(added.Bytes(), active)
	})
	return id, err
}

// Activate lets a key of the ring's file seal from now on.
func (r *Ring) Activate(id string) error {
	return r.edit(func(text []byte) ([]byte, error) {
		if r.keys.aeads[id] == nil {
			return nil, fmt.Errorf("keyring: there is no key %q in %s", id, r.path)
		}
		return mark(text, id)
	})
}

// Prune takes keys out of the ring's file. What they have sealed can never be
// opened again. The active key stays: it is an error to name it.
func (r *Ring) Prune(ids ...string) error {
	return r.edit(func(text []byte) ([]byte, error) {
		if slices.Contains(ids, r.keys.active) {
			return nil, fmt.Errorf("keyring: the key %q is active; activate another one first", r.keys.active)
		}
		marked, err := mark(text, r.keys.active)
		if err != nil {
			return nil, err
		}
		var kept []byte
		for raw := range bytes.Lines(marked) {
			l, err := parseLine(string(bytes.TrimRight(raw, "\n")))
			if err != nil {
				return nil, err
			}
			if l.id == "" || !slices.Contains(ids, l.id) {
				kept = append(kept, raw...)
			}
		}
		return kept, nil
	})
}

// edit changes the ring's file, alone among all processes of this host, and
// reads it again.
func (r *Ring) edit(change func(text []byte) ([]byte, error)) error {
	if r.path == "" {
		return ErrFixed
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	// Where the path is a link, whoever else follows it must see the change.
	path, err := filepath.EvalSymlinks(r.path)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer func() { _ = dir.Close() }()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("keyring: %s cannot be locked: %w", dir.Name(), err)
	}
	text, info, err := readText(r.path)
	if err != nil {
		return err
	}
	if r.keys, err = parse(string(text)); err != nil {
		return fmt.Errorf("keyring: %s: %w", r.path, err)
	}
	r.read = info
	changed, err := change(text)
	if err != nil {
		return err
	}
	if _, err := parse(string(changed)); err != nil {
		return fmt.Errorf("keyring: the change would break %s: %w", r.path, err)
	}
	if err := replaceFile(path, changed, true); err != nil {
		return err
	}
	r.keys, r.read, err = readFile(r.path)
	return err
}

// mark returns text with the line of a key marked with *, and no other.
func mark(text []byte, id string) ([]byte, error) {
	var out []byte
	for raw := range bytes.Lines(text) {
		l, err := parseLine(string(bytes.TrimRight(raw, "\n")))
		if err != nil {
			return nil, err
		}
		if l.active {
			raw = bytes.Replace(raw, []byte("*"), nil, 1)
		}
		if l.id != "" && l.id == id {
			out = append(out, '*')
			raw = bytes.TrimLeft(raw, " \t")
		}
		out = append(out, raw...)
	}
	return out, nil
}

// writeKey writes a line with a random key, marked as active, and returns its id.
func writeKey(w io.Writer) (string, error) {
	random := make([]byte, keySize+3)
	_, _ = rand.Read(random) // never fails
	// The day is for people; the rest tells keys of a day apart.
	id := "k" + time.Now().UTC().Format("20060102") + "-" + hex.EncodeToString(random[keySize:])
	_, err := fmt.Fprintf(w, "*%s:%s\n", id, base64.StdEncoding.EncodeToString(random[:keySize]))
	return id, err
}

// readFile reads the ring of a file.
func readFile(path string) (keys, fs.FileInfo, error) {
	text, info, err := readText(path)
	if err != nil {
		return keys{}, nil, err
	}
	k, err := parse(string(text))
	if err != nil {
		return keys{}, nil, fmt.Errorf("keyring: %s: %w", path, err)
	}
	return k, info, nil
}

func readText(path string) ([]byte, fs.FileInfo, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, nil, fmt.Errorf("keyring: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("keyring: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("keyring: %w", err)
	case len(text) > maxFile:
		return nil, nil, fmt.Errorf("keyring: %s is larger than a ring can be; is it another file?", path)
	case strings.ContainsRune(string(text), 0):
		return nil, nil, fmt.Errorf("keyring: %s is no text; is it another file?", path)
	}
	return text, info, nil
}

// replaceFile writes a file whole and durably or not at all. Unless overwrite is
// set, a file that exists stays, with an error that wraps fs.ErrExist.
func replaceFile(path string, text []byte, overwrite bool) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".keyring-*") // 0600
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	if overwrite {
		err = os.Rename(file.Name(), path)
	} else {
		err = os.Link(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	parent, err := os.Open(dir) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	return errors.Join(parent.Sync(), parent.Close())
}
