#!/usr/bin/env bash
# faults.sh
#
# Runs the rows of the fault table. Each test named TestFault… prints
# "id PASS|FAIL bound measured"; the run fails with the first row that fails and
# when there is no row at all.
set -euo pipefail
cd "$(dirname "$0")/../.."

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
go test -count=1 -v -run '^TestFault' ./... >"$output" 2>&1 || status=$?
grep -E '^ *([a-z_0-9]+\.go:[0-9]+: )?[A-Z][0-9]{2} (PASS|FAIL) ' "$output" | sed -E 's/^ *([a-z_0-9]+\.go:[0-9]+: )?//' | sort || {
  cat "$output" >&2
  echo "faults: no row was run" >&2
  exit 1
}
if [ "$status" -ne 0 ]; then
  cat "$output" >&2
fi
exit "$status"
