package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/internal/process"
)

// peerNames are the packages of npm that are measured beside us.
var peerNames = []string{"amocrm-js", "@shevernitskiy/amo"}

// peerPages is more than a peer can read in its time.
const peerPages = 100

// peerTries are the times that a peer may try: one that the machine holds up asks
// eight times in a second, and gives up when that is refused.
const peerTries = 3

// measurePeers lets each peer list and create, at all latencies beside each
// other.
func measurePeers(ctx context.Context, b *bench, out *report) error {
	dir := filepath.Join(b.root, "internal", "peers")
	if missing := installPeers(ctx, dir); missing != "" {
		out.add(figure{name: "peers", reached: "not measured: " + missing})
		return nil
	}
	for _, peer := range peerNames {
		figures := make([][]figure, len(b.plan.latencies))
		group, ctx := errgroup.WithContext(ctx)
		for i, latency := range b.plan.latencies {
			group.Go(func() error {
				reached, err := b.measurePeer(ctx, dir, peer, latency)
				for tries := 1; err != nil && tries < peerTries && ctx.Err() == nil; tries++ {
					reached, err = b.measurePeer(ctx, dir, peer, latency)
				}
				if err != nil {
					return fmt.Errorf("%s, %s: %w", peer, at(latency), err)
				}
				figures[i] = peerFigures(peer, latency, reached)
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, both := range figures {
			for _, f := range both {
				out.add(f)
			}
		}
	}
	return nil
}

// installPeers installs the packages, and says what is missing for that.
func installPeers(ctx context.Context, dir string) (missing string) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--silent")
	npm.Dir = dir
	if output, err := npm.CombinedOutput(); err != nil {
		return fmt.Sprintf("npm ci: %v: %s", err, strings.Join(strings.Fields(string(output)), " "))
	}
	return ""
}

// peerReached is what measure.js prints.
type peerReached struct {
	RowsPerSecond    float64 `json:"rows_per_second"`
	CreatesPerSecond float64 `json:"creates_per_second"`
}

// measurePeer runs a peer against an account of its own.
func (b *bench) measurePeer(ctx context.Context, dir, peer string, latency time.Duration) (reached peerReached, err error) {
	e, err := process.StartEmulator(ctx, b.binary, b.dir, upstream{customers: peerPages * pageV4, latency: latency}.flags()...)
	if err != nil {
		return reached, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	span := b.plan.sample + 2*latency
	node := exec.CommandContext(ctx, "node", "--require", "./preload.cjs", "measure.js", peer, strconv.FormatInt(span.Milliseconds(), 10)) //nolint:gosec // arguments of ours
	node.Dir = dir
	node.Env = append(node.Environ(), "EMULATOR_ADDR="+e.Address, "EMULATOR_TOKEN="+e.Token)
	output, err := node.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return reached, err
	}
	if err := json.Unmarshal(output, &reached); err != nil {
		return reached, fmt.Errorf("read what it reached: %w: %s", err, output)
	}
	if reached.RowsPerSecond <= 0 || reached.CreatesPerSecond <= 0 {
		return reached, fmt.Errorf("it reached nothing: %s", output)
	}
	return reached, nil
}

// peerFigures are what a peer reached; nothing bounds it.
func peerFigures(peer string, latency time.Duration, reached peerReached) []figure {
	return []figure{
		{
			name:    fmt.Sprintf("%s lists, v4, %s", peer, at(latency)),
			reached: fmt.Sprintf("%.0f rows/s", reached.RowsPerSecond),
			speed:   &speed{listing, latency, reached.RowsPerSecond, allowed * pageV4},
			peer:    peer,
		},
		{
			name:    fmt.Sprintf("%s creates, %s", peer, at(latency)),
			reached: fmt.Sprintf("%.1f/s", reached.CreatesPerSecond),
			speed:   &speed{creating, latency, reached.CreatesPerSecond, allowed * maxBatch},
			peer:    peer,
		},
	}
}
