package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/amogate/amogate/internal/process"
)

const (
	exitUsage = 64
	// runTimeout bounds a run: a part that hangs fails.
	runTimeout = 40 * time.Minute
	// shortFlag makes every part short.
	shortFlag = "--short"
)

// part is a group of figures.
type part struct {
	name string
	run  func(ctx context.Context, b *bench, out *report) error
}

// parts are what can be run, in order.
var parts = []part{
	{"peers", measurePeers},
	{"plain", measurePlain},
	{"lists", measureLists},
	{"creates", measureCreates},
	{"idle", measureIdle},
	{"first", measureFirstRow},
	{"memory", measureMemory},
	{"stalled", measureStalled},
	{"code", measureCode},
}

// bench is what parts work with.
type bench struct {
	// root is the directory of the module, dir one that goes with the run.
	root, dir string
	// binary is an amogate that was built for the run.
	binary string
	plan   plan
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	code := mainWith(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	stop()
	os.Exit(code)
}

func mainWith(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	names := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == shortFlag })
	chosen, err := choose(names)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitUsage
	}
	isShort := len(names) < len(args)
	out := &report{out: stdout, begun: time.Now()}
	if err := run(ctx, chosen, isShort, out); err != nil {
		_, _ = fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	if out.failed() {
		return 1
	}
	return 0
}

// choose returns the parts with these names; all when there are none.
func choose(names []string) ([]part, error) {
	var known []string
	for _, p := range parts {
		known = append(known, p.name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no part %q; there are %s, and %s", name, strings.Join(known, " "), shortFlag)
		}
	}
	if len(names) == 0 {
		return parts, nil
	}
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !slices.Contains(names, p.name) }), nil
}

// run builds amogate, runs parts one after the other, and prints the table.
func run(ctx context.Context, chosen []part, isShort bool, out *report) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "amogate-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	b := &bench{root: root, dir: dir, binary: binary, plan: full}
	if isShort {
		b.plan = short
	}
	for _, p := range chosen {
		out.begin(p.name)
		if err := p.run(ctx, b, out); err != nil {
			out.add(figure{name: p.name, reached: "failed: " + strings.Join(strings.Fields(err.Error()), " "), verdict: fail})
		}
	}
	table := out.table()
	if _, err := fmt.Fprintf(out.out, "\n%s", table); err != nil {
		return err
	}
	if isShort || len(chosen) < len(parts) {
		return nil
	}
	text := results(machine(ctx), out.begun, time.Since(out.begun), table)
	return os.WriteFile(filepath.Join(root, "bench", "results.md"), []byte(text), 0o644) //nolint:gosec // a document for everybody
}

// moduleRoot is the directory of this module.
func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(mod))), nil
}
