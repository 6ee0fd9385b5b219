package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/amogate/amogate/store/internal/engine"
)

// lock is the lock file beside a SQLite file. Its owner holds an flock on it,
// which ends with the process; the text in it tells others who that is, and
// tells the next owner that this one did not close the store.
type lock struct {
	file *os.File
	// unclean says that the last owner left without closing the store.
	unclean bool
}

// holder is the text of a lock file.
type holder struct {
	PID       int    `json:"pid"`
	AdminAddr string `json:"admin_addr,omitempty"`
}

// hold takes the lock of a SQLite file or says at once who has it.
func hold(path, adminAddr string) (*lock, error) {
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // The path is the operator's.
	if err != nil {
		return nil, fmt.Errorf("store: the lock file cannot be opened: %w", err)
	}
	l := &lock{file: file}
	if err := l.take(path, adminAddr); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

func (l *lock) take(path, adminAddr string) error {
	err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	text, readErr := io.ReadAll(l.file)
	if readErr != nil {
		return fmt.Errorf("store: the lock file cannot be read: %w", readErr)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		// What is not readable yet names nobody.
		var h holder
		_ = json.Unmarshal(text, &h)
		return &engine.HeldError{Path: path, PID: h.PID, AdminAddr: h.AdminAddr}
	}
	if err != nil {
		return fmt.Errorf("store: %s.lock cannot be locked: %w", path, err)
	}
	l.unclean = len(text) > 0
	if err := l.write(holder{PID: os.Getpid(), AdminAddr: adminAddr}); err != nil {
		return fmt.Errorf("store: the lock file cannot be written: %w", err)
	}
	return nil
}

// write replaces the text of the file.
func (l *lock) write(h holder) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(text, 0)
	return err
}

// release gives the lock up. The file stays: one that is removed could be locked
// by two, each its own.
func (l *lock) release(unclean bool) error {
	var err error
	if !unclean {
		err = l.file.Truncate(0)
	}
	return errors.Join(err, l.file.Close())
}
