package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const exitUsage = 64

// shortFlag makes every program short: for work on the programs.
const shortFlag = "--short"

// programs are what can be run, by name.
var programs = []program{
	{"creates", creates},
	{"tokens", tokens},
	{"kills", kills},
	{"pace", pace},
	{"exports", exports},
	{"equal", equal},
	{"restart", restart},
	{"outage", outage},
}

// program is one promise at full length. It prints its figures to out.
type program struct {
	name string
	run  func(ctx context.Context, b *bench, out *report) error
}

// bench is what programs work with.
type bench struct {
	// binary is an amogate that was built for them.
	binary string
	// dir is a directory that goes with the run.
	dir string
	// short says that figures need not mean much.
	short bool
}

// length is the full length of something, or the short one.
func length[T any](b *bench, full, short T) T {
	if b.short {
		return short
	}
	return full
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == replicaCommand {
		os.Exit(replicaMain(os.Args[2], os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := mainWith(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func mainWith(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	names := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == shortFlag })
	chosen, err := choose(names)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "soak: %v\n", err)
		return exitUsage
	}
	if err := run(ctx, chosen, len(names) < len(args), stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "soak: %v\n", err)
		return 1
	}
	return 0
}

// choose returns the programs with these names; all when there are none.
func choose(names []string) ([]program, error) {
	if len(names) == 0 {
		return programs, nil
	}
	var chosen []program
	for _, name := range names {
		i := slices.IndexFunc(programs, func(p program) bool { return p.name == name })
		if i < 0 {
			var known []string
			for _, p := range programs {
				known = append(known, p.name)
			}
			return nil, fmt.Errorf("there is no program %q; there are %s", name, strings.Join(known, " "))
		}
		chosen = append(chosen, programs[i])
	}
	return chosen, nil
}

var errOutOfBounds = errors.New("a figure is out of its bound")

// run builds amogate and runs programs one after the other.
func run(ctx context.Context, programs []program, short bool, stdout io.Writer) error {
	dir, err := os.MkdirTemp("", "amogate-soak-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "amogate")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/amogate/amogate/cmd/amogate") //nolint:gosec // a path of ours
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build amogate: %w: %s", err, output)
	}
	out := &report{out: stdout}
	b := &bench{binary: binary, dir: dir, short: short}
	for _, p := range programs {
		out.program = p.name
		if err := p.run(ctx, b, out); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if out.failed {
		return errOutOfBounds
	}
	return nil
}

// report prints figures.
type report struct {
	out     io.Writer
	program string
	failed  bool
}

// figure prints one that has a bound.
func (r *report) figure(name string, passed bool, bound, measured string) {
	verdict := "PASS"
	if !passed {
		verdict = "FAIL"
		r.failed = true
	}
	_, _ = fmt.Fprintf(r.out, "%-8s %-26s %s  %-32s %s\n", r.program, name, verdict, bound, measured)
}

// note prints one that has none.
func (r *report) note(name, measured string) {
	_, _ = fmt.Fprintf(r.out, "%-8s %-26s       %s\n", r.program, name, measured)
}
