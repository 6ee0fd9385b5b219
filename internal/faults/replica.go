package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// replicaVariable makes a process of this program a replica: it holds a
// replicaConfig.
const replicaVariable = "AMOGATE_FAULTS_REPLICA"

// scale divides the durations of processes, so that a lease ends in seconds.
const scale = 20

// scaled are the settings of processes: all durations divided but the horizon of
// the limiter, since its rate is not multiplied, and the time-outs of the store,
// since the machine is not faster.
func scaled() settings.Settings {
	whole := settings.Default()
	s := whole.Divided(scale)
	s.Horizon = whole.Horizon
	s.StatementTimeout, s.LockTimeout, s.AcquireTimeout, s.BusyTimeout = whole.StatementTimeout, whole.LockTimeout, whole.AcquireTimeout, whole.BusyTimeout
	return s
}

// replicaConfig is what a replica is told.
type replicaConfig struct {
	// Name and Dir are its name and its data directory.
	Name, Dir string
	// Store and Ring are the URL and the file that replicas share.
	Store, Ring string
	// Point is where a refresh sends Signal to the process, once; empty = nowhere.
	Point  custody.Point
	Signal syscall.Signal
	// Whole leaves the durations as they are.
	Whole bool
}

// atPoint is what a replica logs before it sends itself the signal.
const atPoint = "at the point"

// replicaMain runs the replica that the environment asks for. It says false when
// it asks for none.
func replicaMain() (code int, asked bool) {
	text, asked := os.LookupEnv(replicaVariable)
	if !asked {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var config replicaConfig
	err := json.Unmarshal([]byte(text), &config)
	if err == nil {
		err = runReplica(ctx, config)
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "replica: %v\n", err)
		return 1, true
	}
	return 0, true
}

// runReplica serves until ctx is done.
func runReplica(ctx context.Context, config replicaConfig) (err error) {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	s := scaled()
	if config.Whole {
		s = settings.Default()
	}
	opened, err := store.Open(ctx, config.Store, store.Options{Dir: config.Dir, Settings: s, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	ring, err := keyring.Load(config.Ring)
	if err != nil {
		return err
	}
	var once sync.Once
	m, err := newMember(ctx, memberConfig{
		name: config.Name, dir: config.Dir, store: opened, ring: ring, settings: s, integration: integration,
		insecure: true, requests: true, log: os.Stderr,
		step: func(p custody.Point) {
			if p == config.Point {
				once.Do(func() {
					logger.Info(atPoint)
					// To this thread: it goes no further before the signal has acted.
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					_ = syscall.Tgkill(os.Getpid(), syscall.Gettid(), config.Signal) // the rows see that nothing happened
				})
			}
		},
	})
	if err != nil {
		return err
	}
	listener, err := listen(ctx)
	if err != nil {
		return errors.Join(err, m.stop(ctx))
	}
	m.serve(listener)
	logger.InfoContext(ctx, "serving", "grpc", listener.Addr().String())
	<-ctx.Done()
	return m.stop(ctx)
}

// startReplica starts a replica as a process of its own and returns once it
// serves.
func startReplica(ctx context.Context, config replicaConfig) (*child, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), replicaVariable+"="+string(text))
	return startChild(ctx, cmd)
}

// logged waits until the log of a process has a message.
func (c *child) logged(ctx context.Context, message string) error {
	for !c.log.contains(`"msg":"` + message + `"`) {
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return fmt.Errorf("the log never has %q: %w", message, err)
		}
	}
	return nil
}

// goOn lets a process go on that was stopped.
func (c *child) goOn() error { return c.cmd.Process.Signal(syscall.SIGCONT) }
