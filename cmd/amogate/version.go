package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

func (versionCommand) run(_ context.Context, out streams) error {
	b := readBuild()
	_, err := fmt.Fprintf(out.stdout, "amogate %s (commit %s) %s %s/%s\n",
		b.version, b.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// build says what the binary was built from.
type build struct{ version, commit string }

// readBuild reads what the Go toolchain has stamped: a binary built outside of
// a checkout has the version (devel) and no commit.
func readBuild() build {
	b := build{version: "(devel)", commit: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	modified := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if modified {
		b.commit += ", modified"
	}
	return b
}

// userAgent is how accounts see this program.
func userAgent() string { return "amogate/" + readBuild().version }
