#!/usr/bin/env bash
# image.sh BINARY
#
# Runs the binary where the image runs it: in a root directory that holds
# nothing else but its volume and /tmp, as user 65532, who may write nowhere
# else. Needs root or sudo for chroot; no container engine.
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

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

after_sandbox() { as_root rm -rf "$root"; }

root=$(mktemp -d)
chmod 755 "$root"
install -m 755 "$1" "$root/amogate"
mkdir "$root/tmp" "$root/data"
chmod 1777 "$root/tmp"
chmod 700 "$root/data"
as_root chown 65532:65532 "$root/data"
inside=(chroot --userspec=65532:65532 "$root")
[ "$(id -u)" -eq 0 ] || inside=(sudo -n "${inside[@]}")

start_sandbox "${inside[@]}" /amogate
"${inside[@]}" /amogate healthcheck --grpc-addr="$GRPC_ADDR"
curl --silent --show-error --fail-with-body --max-time 30 "http://$REST_ADDR/v1/customers?page_size=1" >/dev/null
# The volume is all that a real account needs; nobody else may read it.
"${inside[@]}" /amogate migrate --data-dir=/data >/dev/null
if [ "$(as_root stat -c %a "$root/data/amogate.db")" != 600 ]; then
  echo "image: the store can be read by others" >&2
  exit 1
fi
echo "image PASS"
