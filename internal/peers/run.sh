#!/usr/bin/env bash
# run.sh BINARY [PEER…]
#
# Runs PEER.js, by default of every peer, each against a fresh `amogate
# emulator` with `amogate serve` in front of it, once for each generation of the
# API that serve can speak. Prints a line with PASS or FAIL for each, and what
# was seen when it fails. Needs Node and npm.
set -euo pipefail
binary=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- amocrm-js shevernitskiy
cd "$(dirname "$0")"

logs=$(mktemp -d)
pids=()
cleanup() {
  stop || true
  rm -rf "$logs"
}
trap cleanup EXIT

# stop ends what start_… started, the last first, and fails when one of them
# does not end cleanly.
stop() {
  local i status=0
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" || status=1
  done
  pids=()
  return "$status"
}

# await FILE PATTERN waits for a line of the last started process.
await() {
  for _ in $(seq 100); do
    ! grep -q "$2" "$1" || return 0
    kill -0 "${pids[-1]}" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# The window of the limiter is off: a peer and serve share the account's, and
# the peers do not wait when they are refused.
start_emulator() {
  "$binary" emulator --addr=127.0.0.1:0 --customers=30 --window=0 >"$logs/emulator" 2>&1 &
  pids+=($!)
  await "$logs/emulator" '^emulator of amoCRM' || return 1
  EMULATOR_ADDR=$(sed -n 's#^emulator of amoCRM on http://##p' "$logs/emulator")
  EMULATOR_TOKEN=$(sed -n 's/^  token  *//p' "$logs/emulator")
  export EMULATOR_ADDR EMULATOR_TOKEN
}

start_serve() {
  AMOGATE_ACCOUNT_TOKEN=$EMULATOR_TOKEN "$binary" serve --account-url="http://$EMULATOR_ADDR" --allow-insecure-upstream \
    --upstream-api="$1" --rate=7 --rest-addr=127.0.0.1:0 --grpc-addr=127.0.0.1:0 --admin-addr=127.0.0.1:0 \
    --data-dir="$(mktemp -d "$logs/data.XXXXXX")" --drain-delay=0s >"$logs/serve" 2>&1 &
  pids+=($!)
  await "$logs/serve" '"msg":"serving"' || return 1
  REST_ADDR=$(sed -n 's/.*"msg":"serving".*"rest":"\([^"]*\)".*/\1/p' "$logs/serve")
  export REST_ADDR
}

# meet PEER GENERATION
meet() {
  : >"$logs/peer"
  start_emulator && start_serve "$2" &&
    timeout 120 node --require ./preload.cjs "$1.js" >"$logs/peer" 2>&1
}

npm ci --silent

status=0
for peer in "$@"; do
  for generation in v2 v4 auto; do
    rm -rf "$logs"/*
    verdict=FAIL
    if meet "$peer" "$generation"; then verdict=PASS; fi
    if ! stop; then
      echo "amogate did not stop cleanly" >>"$logs/peer"
      verdict=FAIL
    fi
    if [ "$verdict" = FAIL ]; then
      tail -n 40 "$logs"/* >&2
      status=1
    fi
    echo "$peer, serve over $generation $verdict ($(grep -c '^  ok: ' "$logs/peer") checks held)"
  done
done
exit "$status"
