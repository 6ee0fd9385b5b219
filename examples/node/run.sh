#!/usr/bin/env bash
# Runs the Node caller against GRPC_ADDR, by default 127.0.0.1:9090.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --silent
exec node main.js "${GRPC_ADDR:-127.0.0.1:9090}"
