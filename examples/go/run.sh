#!/usr/bin/env bash
# Runs the Go caller against GRPC_ADDR, by default 127.0.0.1:9090.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec go run ./examples/go -addr "${GRPC_ADDR:-127.0.0.1:9090}"
