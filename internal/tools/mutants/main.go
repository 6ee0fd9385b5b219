// Command mutants breaks one token of the code at a time and sees whether the
// tests notice:
//
//	go run ./internal/tools/mutants -n 120 -out docs/mutants.md
//
// The tokens are drawn by a seed among those of the packages of -packages that can
// be exchanged for another: comparisons, logic, arithmetic, small numbers, true and
// false, min and max, break and continue. A mutant that does not compile does not
// count. The tests of the mutant's own package run first, then those of the packages
// that use it, until one fails; a test that hangs has failed. The tree is not
// touched: the compiler is told to read the broken file in place of the real one.
//
// It exits with 1 when fewer than -least percent of the mutants were noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	n, least int
	seed     uint64
	packages string
	users    string
	timeout  time.Duration
	out      string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 120, "mutants to `count`")
	flag.IntVar(&o.least, "least", 80, "`percent` of them that tests have to notice")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the draw")
	flag.StringVar(&o.packages, "packages", "./amo/...,./emulator/...", "packages to break, separated by commas")
	flag.StringVar(&o.users, "users", "./amo/...,./emulator/...,./server/...,./internal/e2e", "packages whose tests are asked, separated by commas")
	flag.DurationVar(&o.timeout, "timeout", 3*time.Minute, "time of the tests of one package")
	flag.StringVar(&o.out, "out", "", "`file` for the report; empty = standard output only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "mutants: %v\n", err)
		os.Exit(1)
	}
}

var errTooFew = errors.New("the tests notice too few mutants")

func run(ctx context.Context, o options, out io.Writer) error {
	mutated, err := listPackages(ctx, o.packages)
	if err != nil {
		return err
	}
	users, err := listPackages(ctx, o.users)
	if err != nil {
		return err
	}
	candidates, err := findAll(mutated)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // chooses mutants, guards nothing
	random.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })

	scratch, err := os.MkdirTemp("", "amogate-mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	lab := lab{scratch: scratch, users: users, timeout: o.timeout}
	if err := lab.sound(ctx); err != nil {
		return err
	}
	r := report{options: o, candidates: len(candidates)}
	for _, m := range candidates {
		if len(r.results) == o.n {
			break
		}
		began := time.Now()
		verdict, err := lab.try(ctx, m)
		if err != nil {
			return err
		}
		if verdict.broken {
			r.uncompiled++
			continue
		}
		r.results = append(r.results, result{m, verdict})
		_, _ = fmt.Fprintf(out, "%3d %-8s %5.1fs %s  %s\n", len(r.results), verdict.word(), time.Since(began).Seconds(), m, verdict.by)
	}
	text := r.markdown()
	_, _ = io.WriteString(out, "\n"+text)
	if o.out != "" {
		if err := os.WriteFile(filepath.Clean(o.out), []byte(text), 0o644); err != nil { //nolint:gosec // a page of the documents
			return err
		}
	}
	if len(r.results) == 0 || 100*r.noticed() < o.least*len(r.results) {
		return errTooFew
	}
	return nil
}

// split returns the parts of a list separated by commas.
func split(list string) []string { return strings.Split(list, ",") }
