package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Migration is one version of the schema.
type Migration struct {
	// Version counts from 1.
	Version int
	// Name says what it does.
	Name string
	// SQL is what is run.
	SQL string
}

// Checksum is what a database keeps of the text it was migrated with.
func (m Migration) Checksum() string {
	sum := sha256.Sum256([]byte(m.SQL))
	return hex.EncodeToString(sum[:])
}

// Applied is what a database tells of one migration.
type Applied struct {
	// Version and Checksum are those of the migration.
	Version  int
	Checksum string
}

// Schema are the versions that a binary knows of one engine.
type Schema struct {
	// Migrations in order, without a gap.
	Migrations []Migration
	// Oldest is the oldest version that this binary serves.
	Oldest int
}

// Newest is the newest version of the schema.
func (s Schema) Newest() int { return len(s.Migrations) }

// LoadSchema reads the files of a directory named 0001_what_it_does.sql.
func LoadSchema(files fs.FS, oldest int) (Schema, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return Schema{}, err
	}
	s := Schema{Oldest: oldest}
	for i, name := range names {
		number, title, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil || version != i+1 {
			return Schema{}, fmt.Errorf("store: migration %s: want a name that begins with %04d_", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return Schema{}, err
		}
		s.Migrations = append(s.Migrations, Migration{Version: version, Name: strings.ReplaceAll(title, "_", " "), SQL: string(text)})
	}
	if len(names) == 0 || oldest < 1 || oldest > len(names) {
		return Schema{}, fmt.Errorf("store: %d migrations do not serve version %d", len(names), oldest)
	}
	return s, nil
}

// Pending returns the migrations that a database lacks. Its error is a
// *SchemaError for a database that is newer than the binary, or another's.
func (s Schema) Pending(store string, applied []Applied) ([]Migration, error) {
	wrong := SchemaError{Store: store, Version: len(applied), Oldest: s.Oldest, Newest: s.Newest()}
	if n := len(applied); n > 0 {
		wrong.Version = applied[n-1].Version
	}
	if wrong.Version > s.Newest() {
		return nil, &wrong
	}
	for i, a := range applied {
		if a.Version != i+1 || a.Checksum != s.Migrations[i].Checksum() {
			wrong.Altered = i + 1
			return nil, &wrong
		}
	}
	return s.Migrations[len(applied):], nil
}

// Check says whether this binary serves a database as it is.
func (s Schema) Check(store string, applied []Applied) error {
	if _, err := s.Pending(store, applied); err != nil {
		return err
	}
	if len(applied) < s.Oldest {
		return &SchemaError{Store: store, Version: len(applied), Oldest: s.Oldest, Newest: s.Newest()}
	}
	return nil
}
