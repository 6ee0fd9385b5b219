#!/usr/bin/env bash
# fuzz.sh DURATION
#
# Runs every fuzz target of the module, one after the other. Inputs that reach
# something new are made smaller by 100 runs at most: by default that takes a minute
# for each, all the time there is where the seeds are whole pages.
set -euo pipefail
cd "$(dirname "$0")/../.."

go list ./... | while read -r package; do
  go test -list '^Fuzz' "$package" | { grep '^Fuzz' || true; } | while read -r target; do
    echo "== $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 100x "$package"
  done
done
