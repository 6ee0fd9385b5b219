#!/usr/bin/env bash
# proto.sh deps|lint|format|gen|check|breaking|release
#
# Runs buf over proto/. No schema registry is needed: third-party imports are
# printed from the Go modules by internal/tools/protodeps.
set -euo pipefail
cd "$(dirname "$0")/../.."

released=proto/released.binpb

buf() { go tool -modfile=tools/buf.mod buf "$@"; }

deps() {
  rm -rf .build/proto-deps
  go run ./internal/tools/protodeps -out .build/proto-deps
}

generate() {
  deps
  buf generate
  go run ./internal/tools/openapi
  go run ./internal/tools/coverage
}

case "${1:-}" in
deps) deps ;;
lint)
  deps
  buf lint
  buf format proto --diff --exit-code
  ;;
format) buf format -w proto ;;
gen)
  buf format -w proto
  generate
  ;;
check)
  # Compared by content before and after, so that it also works on changes that
  # are not committed.
  before=$(mktemp -d)
  trap 'rm -rf "$before"' EXIT
  cp -r gen server/gateway/internal/answerjson "$before/"
  cp server/gateway/openapi.json docs/coverage.md "$before/"
  generate
  diff -r "$before/gen" gen
  diff -r "$before/answerjson" server/gateway/internal/answerjson
  diff "$before/openapi.json" server/gateway/openapi.json
  diff "$before/coverage.md" docs/coverage.md
  ;;
breaking)
  deps
  buf breaking proto --against "$released" --exclude-imports
  ;;
release)
  # Run for a release only, in a commit of its own: the image is what callers
  # rely on.
  deps
  buf build proto -o "$released" --exclude-source-info
  ;;
*)
  sed -n '2s/^# //p' "$0" >&2
  exit 64
  ;;
esac
