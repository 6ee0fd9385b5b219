#!/usr/bin/env bash
# canfail.sh
#
# A check that cannot fail checks nothing. Each check is run in a scratch copy
# of the tree, where it must pass, and again after a change it is there to find,
# where it must fail. Prints "name PASS|FAIL".
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

fresh() {
  rm -rf "$scratch/copy"
  mkdir "$scratch/copy"
  git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - | tar -xf - -C "$scratch/copy"
}

# try NAME CHANGE CHECK: both are shell text, run in the copy.
try() {
  fresh
  if ! (cd "$scratch/copy" && bash -euo pipefail -c "$3") >"$scratch/log" 2>&1; then
    echo "$1 FAIL (the check fails without the change)"
    tail -n 20 "$scratch/log" >&2
    status=1
    return
  fi
  (cd "$scratch/copy" && bash -euo pipefail -c "$2")
  if (cd "$scratch/copy" && bash -euo pipefail -c "$3") >"$scratch/log" 2>&1; then
    echo "$1 FAIL (the check passes in spite of the change)"
    status=1
    return
  fi
  echo "$1 PASS"
}

try unformatted-file \
  'printf "package amo\n\nfunc  unformatted( ) {}\n" >amo/unformatted.go' \
  'make gofmt'

try drifted-gen \
  'echo "// drift" >>gen/amogate/v1/customer.pb.go' \
  'internal/tools/proto.sh check'

try forbidden-import \
  'printf "package emulator\n\nimport _ \"github.com/amogate/amogate/gen/amogate/v1\"\n" >emulator/forbidden.go' \
  'go test ./internal/archtest'

try forbidden-import-lint \
  'printf "package emulator\n\nimport _ \"github.com/amogate/amogate/gen/amogate/v1\"\n" >emulator/forbidden.go' \
  'go tool -modfile=tools/lint.mod golangci-lint run --enable-only=depguard ./emulator/'

try removed-proto-field \
  'sed -i "/^  string name = 2 \[/,/\];/d" proto/amogate/v1/customer.proto' \
  'internal/tools/proto.sh breaking'

try broken-example \
  'sed -i "s#/v1/customers#/v1/customer#g" examples/curl/run.sh' \
  'make examples'

try wrong-expectation-of-a-peer \
  'sed -i "s/gateway.rubles(4200)/gateway.rubles(4201)/" internal/peers/shevernitskiy.js' \
  'make peers'

try operation-that-is-not-covered \
  'sed -i "/amogate:operation PATCH .api.v4.customers rpc/d" amo/internal/v4/customer_write.go' \
  'go test -run TestCoverage ./internal/e2e'

try limiter-that-is-too-fast \
  'sed -i "s/slot.At.Add(r.Interval)/slot.At.Add(r.Interval * 3 \/ 4)/" amo/limit/memory.go' \
  'go test -timeout=2m -run TestLimiter ./amo/limit'

try token-in-the-log \
  'sed -i "s/^\tk.step(AfterCall)$/&\n\tk.config.Logger.Info(\"pair\", \"access\", pair.Access)/" amo/custody/refresh.go' \
  'go test -timeout=3m -run TestCanaries ./cmd/amogate'

exit "$status"
