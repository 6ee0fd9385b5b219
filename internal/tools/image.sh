#!/usr/bin/env bash
# image.sh BINARY
#
# Runs the binary where the image runs it: in a root directory that holds
# nothing else, as user 65532, who may write nowhere. Needs root or sudo for
# chroot; no container engine.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=internal/tools/sandbox.sh
. "$here/sandbox.sh"

if ! grep -qF 'CGO_ENABLED=0 go build -trimpath -ldflags=-s -o' "$here/../../Dockerfile"; then
  echo "image: the Dockerfile does not build as make build does" >&2
  exit 1
fi
if go version -m "$1" | grep -q 'CGO_ENABLED=1'; then
  echo "image: $1 is not static" >&2
  exit 1
fi

root=$(mktemp -d)
chmod 755 "$root"
install -m 755 "$1" "$root/amogate"
inside=(chroot --userspec=65532:65532 "$root")
[ "$(id -u)" -eq 0 ] || inside=(sudo -n "${inside[@]}")

start_sandbox "${inside[@]}" /amogate
"${inside[@]}" /amogate healthcheck --grpc-addr="$GRPC_ADDR"
curl --silent --show-error --fail-with-body --max-time 30 "http://$REST_ADDR/v1/customers?page_size=1" >/dev/null
rm -rf "$root"
echo "image PASS"
