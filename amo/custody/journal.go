package custody

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// journalPrefix and journalLock are names in the data directory: of the journals,
// and of the file that is locked while one is made or taken over.
const (
	journalPrefix = "journal-"
	journalLock   = "journal.lock"
)

// entry is a received pair, sealed. It is a line of a journal.
type entry struct {
	Account string `json:"account"`
	// From and Epoch are the generation and the lease that were refreshed.
	From  int64 `json:"from"`
	Epoch int64 `json:"epoch"`
	// Replaced is the start of the digest of the ciphertext that was refreshed: it
	// tells an account that was removed and added again from the one of the lease.
	Replaced string `json:"replaced"`
	// LeasedAt is when the lease was given, by the store's clock, and Life the
	// life of the access token from then on.
	LeasedAt time.Time     `json:"leased_at"`
	Life     time.Duration `json:"life"`
	// KeyID and Data are the ciphertext of generation From+1.
	KeyID string `json:"key_id"`
	Data  []byte `json:"data"`
}

// id tells entries apart.
func (e entry) id() string { return fmt.Sprintf("%s/%d/%d", e.Account, e.From, e.Epoch) }

// sealed returns the pair some time after the lease.
func (e entry) sealed(after time.Duration) Sealed {
	life := e.Life
	if life > 0 {
		// 0 would mean that the token does not expire.
		life = max(life-max(after, 0), time.Millisecond)
	}
	return Sealed{Generation: e.From + 1, KeyID: e.KeyID, Data: e.Data, Life: life}
}

// Journal is the spill journal of a process: a file of its own in the data
// directory, 0600, in which every pair is on disk before it is used. The entries
// are sealed. The file is locked while the process lives, so that the next one
// tells the journal of a dead process from that of a neighbour. It is safe for
// concurrent use.
type Journal struct {
	dir string

	// observed is the metric of the pending entries.
	observed metric.Registration

	mu   sync.Mutex
	file *os.File
	// lines counts those in the file.
	lines   int
	entries map[string]*kept
}

// kept is an entry and whether the store has it. Those that it has are kept until
// the account's next: a store that fails over may lose its last commits.
type kept struct {
	entry

	committed bool
}

// OpenJournal opens a journal in a directory, which it makes if need be. It takes
// over the entries of processes that have died; they are kept until Replay.
func OpenJournal(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("custody: the journal's directory: %w", err)
	}
	j := &Journal{dir: dir, entries: map[string]*kept{}}
	if err := j.open(); err != nil {
		if j.file != nil {
			_ = j.file.Close()
		}
		return nil, fmt.Errorf("custody: the journal: %w", err)
	}
	if err := j.observe(); err != nil {
		_ = j.file.Close()
		return nil, err
	}
	return j, nil
}

func (j *Journal) open() error {
	unlock, err := j.lockDir(syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	path := filepath.Join(j.dir, journalPrefix+hex.EncodeToString(random))
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600); err != nil { //nolint:gosec // in the data directory
		return err
	}
	if err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if err := syncDir(j.dir); err != nil {
		return err
	}
	return j.takeOver()
}

// lockDir keeps other processes from making and taking over journals, so that
// none is taken between its making and its locking. how says whether it waits for
// those that are at it.
func (j *Journal) lockDir(how int) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(j.dir, journalLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// takeOver moves the entries of dead processes into this journal.
func (j *Journal) takeOver() error {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		path := filepath.Join(j.dir, file.Name())
		if !strings.HasPrefix(file.Name(), journalPrefix) || path == j.file.Name() {
			continue
		}
		if err := j.takeOverFile(path); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) takeOverFile(path string) error {
	file, err := os.Open(path) //nolint:gosec // in the data directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its process has ended just now, and had nothing to leave
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil // its process lives
	}
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// What does not decode is a line that was cut by a crash: its pair was not
		// yet acknowledged by the disk, and may have been committed.
		if e, ok := decodeEntry(lines.Bytes()); ok {
			if err := j.write(e); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(lines.Err(), j.file.Sync()); err != nil {
		return err
	}
	return os.Remove(path)
}

// append writes an entry to disk.
func (j *Journal) append(e entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return os.ErrClosed
	}
	if err := j.write(e); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		delete(j.entries, e.id())
		return err
	}
	return nil
}

// write writes an entry to the file; j is locked or not shared yet.
func (j *Journal) write(e entry) error {
	line, err := encodeEntry(e)
	if err != nil {
		return err
	}
	// A line that could not be written whole is ended before the next begins.
	if _, err := j.file.Write(append([]byte{'\n'}, line...)); err != nil {
		return err
	}
	j.lines++
	j.entries[e.id()] = &kept{entry: e}
	return nil
}

// settled says that the store has an entry, or has no use for it.
func (j *Journal) settled(e entry, committed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return
	}
	if !committed {
		delete(j.entries, e.id())
	} else if k := j.entries[e.id()]; k != nil {
		k.committed = true
		for id, other := range j.entries {
			if other.Account == e.Account && other.From < e.From {
				delete(j.entries, id)
			}
		}
	}
	j.compact()
}

// compact writes the file anew when most of it is out of date. It does so only
// while nothing would be lost if that were cut short.
func (j *Journal) compact() {
	if j.pendingCount() > 0 || j.lines <= 2*len(j.entries)+100 {
		return
	}
	if j.file.Truncate(0) != nil {
		return
	}
	entries := j.entries
	j.entries, j.lines = map[string]*kept{}, 0
	for id, k := range entries {
		if j.write(k.entry) == nil {
			j.entries[id].committed = true
		}
	}
}

// all returns every entry, oldest generation first.
func (j *Journal) all() []kept {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []kept
	for _, k := range j.entries {
		all = append(all, *k)
	}
	slices.SortFunc(all, func(a, b kept) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), cmp.Compare(a.From, b.From), cmp.Compare(a.Epoch, b.Epoch))
	})
	return all
}

// Replay offers every entry to the store, as after a start or when the store has
// come back, those too that it had before and may have lost in a fail-over.
// Journals of processes that have died meanwhile are taken over first. A pair for
// which another replica holds the lease stays pending until that has settled.
func (j *Journal) Replay(ctx context.Context, s Store) (restored int, err error) {
	err = j.takeOverLater()
	// The newest of an account first: one that is stored again is as young as a
	// stranger's to those behind it.
	for _, k := range slices.Backward(j.all()) {
		done, changed, failed := settle(ctx, s, k.entry)
		if changed {
			restored++
		}
		if done {
			j.settled(k.entry, changed || k.committed)
		}
		if failed != nil {
			return restored, errors.Join(err, failed)
		}
	}
	return restored, err
}

func (j *Journal) takeOverLater() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return os.ErrClosed
	}
	// A process that was paused with the lock must not keep new tokens from this
	// journal: the next Replay looks again.
	unlock, err := j.lockDir(syscall.LOCK_EX | syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err == nil {
		err = j.takeOver()
		unlock()
	}
	if err != nil {
		return fmt.Errorf("custody: the journals of other processes: %w", err)
	}
	return nil
}

// Pending counts the entries that the store does not have yet.
func (j *Journal) Pending() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.pendingCount()
}

func (j *Journal) pendingCount() int {
	n := 0
	for _, k := range j.entries {
		if !k.committed {
			n++
		}
	}
	return n
}

// KeyIDs returns the keys that seal pending entries: they must not be pruned.
func (j *Journal) KeyIDs() []string {
	var ids []string
	for _, k := range j.all() {
		if !k.committed {
			ids = append(ids, k.KeyID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Close closes the file, and removes it when nothing is pending.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.observed.Unregister()
	if j.pendingCount() == 0 {
		err = errors.Join(err, os.Remove(j.file.Name()))
	}
	err = errors.Join(err, j.file.Close())
	j.file = nil
	return err
}

// encodeEntry returns a line: a checksum, a space, and the entry in JSON.
func encodeEntry(e entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text), nil
}

// decodeEntry reads a line. It says false when it is cut or damaged.
func decodeEntry(line []byte) (entry, bool) {
	sum, text, found := bytes.Cut(line, []byte{' '})
	if !found || !bytes.Equal(sum, fmt.Appendf(nil, "%08x", crc32.ChecksumIEEE(text))) {
		return entry{}, false
	}
	var e entry
	return e, json.Unmarshal(text, &e) == nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the data directory
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
