#!/usr/bin/env bash
# fuzz.sh DURATION
#
# Runs every fuzz target of the module, one after the other.
set -euo pipefail
cd "$(dirname "$0")/../.."

go list ./... | while read -r package; do
  go test -list '^Fuzz' "$package" | { grep '^Fuzz' || true; } | while read -r target; do
    echo "== $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package"
  done
done
