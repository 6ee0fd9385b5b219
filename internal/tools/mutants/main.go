// Command mutants breaks one token of the code at a time and sees whether the
// tests notice:
//
//	go run ./internal/tools/mutants -n 120 -out docs/mutants.md
//
// The tokens are drawn by a seed among those of the packages of -packages that can
// be exchanged for another: comparisons, logic, arithmetic, small numbers, true and
// false, min and max, break and continue. A mutant that does not compile does not
// count.
//
// The tests are built once, with a switch for every mutant in them; what the
// compiler needs as a constant is built for itself. The tests of the mutant's own
// package run first, then those of the packages of -users that import it, until one
// fails; tests that take longer than -quick are the last of their package. Tests
// that hang have failed. The tree is not touched: the compiler is told to read other
// files in place of the real ones.
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
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// options are the flags.
type options struct {
	n, least int
	parallel int
	seed     uint64
	packages string
	users    string
	skip     string
	quick    time.Duration
	timeout  time.Duration
	out      string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 120, "mutants to `count`")
	flag.IntVar(&o.least, "least", 80, "`percent` of them that tests have to notice")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the draw")
	flag.StringVar(&o.packages, "packages", "./amo/...,./emulator/...", "packages to break, separated by commas")
	flag.StringVar(&o.users, "users", "./amo/...,./emulator/...,./server", "packages whose tests are asked, separated by commas")
	flag.StringVar(&o.skip, "skip", "", "`tests` that are not asked, as in go test; the fewer, the more are noticed")
	flag.DurationVar(&o.quick, "quick", 300*time.Millisecond, "what a test may take to be among the first")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "time of the tests of one package")
	flag.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "tests that run at a `time`")
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
	mutated, err := loadPackages(ctx, o.packages)
	if err != nil {
		return err
	}
	users, err := listPackages(ctx, o.users)
	if err != nil {
		return err
	}
	r := draw(o, mutated)

	scratch, err := os.MkdirTemp("", "amogate-mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	l := lab{scratch: scratch, mutated: mutated, users: users, skip: o.skip, quick: o.quick, timeout: o.timeout, parallel: o.parallel}
	_, _ = fmt.Fprintf(out, "%d of %d candidates drawn, %d of them with a switch\n", len(r.results), r.candidates, r.switched())
	if err := l.prepare(ctx, r.mutants()); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	var mu sync.Mutex
	for i := range r.results {
		group.Go(func() error {
			began := time.Now()
			x := &r.results[i]
			verdict, err := l.try(ctx, x.mutant)
			if err != nil {
				return err
			}
			x.verdict = verdict
			mu.Lock()
			defer mu.Unlock()
			_, _ = fmt.Fprintf(out, "%3d %-8s %5.1fs %s  %s\n", i+1, x.word(), time.Since(began).Seconds(), x.mutant, x.by)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
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

// draw returns a report of mutants that were not tried yet, and gives numbers to
// those that can be switched on.
func draw(o options, packages []*checkedPackage) report {
	type candidate struct {
		in *checkedPackage
		mutant
	}
	var candidates []candidate
	for _, p := range packages {
		for _, m := range find(p) {
			candidates = append(candidates, candidate{p, m})
		}
	}
	random := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // chooses mutants, guards nothing
	random.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })

	r := report{options: o, candidates: len(candidates)}
	for _, c := range candidates {
		if len(r.results) == o.n {
			break
		}
		m, name := &c.mutant, filepath.Base(c.path)
		if !c.in.compiles(name, m.apply(c.in.sources[name])) {
			r.uncompiled++
			continue
		}
		m.number = len(r.results) + 1
		if !c.in.switchable(m) {
			m.number = 0
		}
		r.results = append(r.results, result{mutant: m})
	}
	return r
}
