#!/usr/bin/env bash
# examples.sh BINARY [NAME…]
#
# Runs examples/NAME/run.sh, by default of every example, each against a fresh
# sandbox whose addresses it finds in REST_ADDR and GRPC_ADDR. An example fails
# with a status other than 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=internal/tools/sandbox.sh
. internal/tools/sandbox.sh

binary=$(realpath "$1")
shift
if [ $# -eq 0 ]; then
  for script in examples/*/run.sh; do
    [ -e "$script" ] || { echo "examples: there are none" >&2; exit 1; }
    set -- "$@" "$(basename "$(dirname "$script")")"
  done
fi

output=$(mktemp)
status=0
for name in "$@"; do
  if (start_sandbox "$binary" && "examples/$name/run.sh") >"$output" 2>&1; then
    echo "$name PASS"
  else
    cat "$output" >&2
    echo "$name FAIL"
    status=1
  fi
done
rm -f "$output"
exit "$status"
