package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/amogate/amogate/store"
)

// inTempDir runs a row with a directory of its own.
func inTempDir(row func(dir string) (string, error)) (string, error) {
	dir, err := os.MkdirTemp("", "faults-store-")
	if err != nil {
		return "", err
	}
	measured, err := row(dir)
	return measured, errors.Join(err, os.RemoveAll(dir))
}

// helpfulCommand is how a refusal names the command that helps.
var helpfulCommand = regexp.MustCompile("run `amogate ([^`]+)`")

// newerSchema is what a newer binary leaves behind, in both engines but for the
// names of the table.
const newerSchema = " (version, name, checksum, applied_at) VALUES (99, 'later', 'x', "

// otherSchema starts processes on schemas that they do not serve, and has them run
// the command that the first names.
func (x *executable) otherSchema(ctx context.Context, code int) (string, error) {
	// A server that needs no password: the command is run as it is shown.
	_, url, err := x.databases.stoppable(ctx)
	if err != nil {
		return "", err
	}
	return inTempDir(func(dir string) (string, error) {
		args := serveArgs(filepath.Join(dir, "data"), url)
		// Replicas do not make their key ring.
		ring := []string{"AMOGATE_KEYRING=k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
		serves := func() error {
			cmd, err := x.command(ctx, ring, args)
			if err != nil {
				return err
			}
			c, err := startChild(ctx, cmd)
			if err == nil {
				c.kill()
			}
			return err
		}
		refuses := func(says ...string) (string, error) {
			r, err := x.refused(ctx, ring, args)
			if err != nil {
				return "", err
			}
			return r.output, r.want(code, says...)
		}
		output, err := refuses("has version 0")
		if err != nil {
			return "", fmt.Errorf("an older schema: %w", err)
		}
		command := helpfulCommand.FindStringSubmatch(output)
		if command == nil {
			return "", fmt.Errorf("an older schema: no command that helps: %s", output)
		}
		mended, err := x.refused(ctx, nil, strings.Fields(command[1]))
		if err := errors.Join(err, mended.want(0)); err != nil {
			return "", fmt.Errorf("amogate %s: %w", command[1], err)
		}
		if err := serves(); err != nil {
			return "", fmt.Errorf("after amogate %s: %w", command[1], err)
		}
		if err := execute(ctx, url, "INSERT INTO amogate.migrations"+newerSchema+"now())"); err != nil {
			return "", err
		}
		if _, err := refuses("has version 99", "install a newer amogate"); err != nil {
			return "", fmt.Errorf("a newer schema: %w", err)
		}
		if err := execute(ctx, url, "DELETE FROM amogate.migrations WHERE version = 99"); err != nil {
			return "", err
		}
		if err := serves(); err != nil {
			return "", fmt.Errorf("after the refusal: %w", err)
		}
		file := filepath.Join(dir, store.File)
		args = serveArgs(filepath.Join(dir, "data"), "sqlite://"+file)
		if err := serves(); err != nil {
			return "", fmt.Errorf("SQLite: no schema at all: %w", err)
		}
		if err := onSQLite(ctx, file, "INSERT INTO migrations"+newerSchema+"0)"); err != nil {
			return "", err
		}
		if _, err := refuses("has version 99", "install a newer amogate"); err != nil {
			return "", fmt.Errorf("SQLite: a newer schema: %w", err)
		}
		return fmt.Sprintf("exit %d 3 times; `amogate %s` was run as it was told", code, strings.Fields(command[1])[0]), nil
	})
}

// onSQLite runs a statement on a file.
func onSQLite(ctx context.Context, file, statement string, arguments ...any) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement, arguments...)
	return errors.Join(err, db.Close())
}
