#!/usr/bin/env bash
# demo.sh BINARY
#
# Serves the sandbox on free ports and makes three calls.
set -euo pipefail
# shellcheck source=internal/tools/sandbox.sh
. "$(dirname "$0")/sandbox.sh"

start_sandbox "$1"

call() {
  echo "\$ curl '$1'"
  curl --silent --show-error --fail-with-body --max-time 30 "$1"
  echo
}
call "http://$REST_ADDR/v1/customers?page_size=1"
call "http://$REST_ADDR/v1/customers:stream" | sed -n '1,3p; $p' | cut -c 1-160
call "http://$ADMIN_ADDR/readyz"
