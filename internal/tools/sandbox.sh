# shellcheck shell=bash
# Sourced: start_sandbox BINARY [FLAG…] serves the sandbox on free ports and
# sets REST_ADDR, GRPC_ADDR and ADMIN_ADDR; it is stopped when the script ends,
# and the script fails when it does not stop cleanly. A function after_sandbox, if
# there is one, is called then.

start_sandbox() {
  sandbox_log=$(mktemp)
  "$@" serve --sandbox --rest-addr=127.0.0.1:0 --grpc-addr=127.0.0.1:0 --admin-addr=127.0.0.1:0 \
    --drain-delay=0s --log-format=json 2>"$sandbox_log" &
  sandbox_pid=$!
  trap stop_sandbox EXIT
  local line=
  for _ in $(seq 100); do
    line=$(grep '"msg":"serving"' "$sandbox_log" || true)
    [ -z "$line" ] || break
    kill -0 "$sandbox_pid" 2>/dev/null || break
    sleep 0.1
  done
  if [ -z "$line" ]; then
    cat "$sandbox_log" >&2
    echo "the sandbox did not start" >&2
    exit 1
  fi
  REST_ADDR=$(field rest "$line") GRPC_ADDR=$(field grpc "$line") ADMIN_ADDR=$(field admin "$line")
  export REST_ADDR GRPC_ADDR ADMIN_ADDR
}

field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" <<<"$2"; }

stop_sandbox() {
  local status=$?
  trap - EXIT
  kill -TERM "$sandbox_pid" 2>/dev/null || true
  if ! wait "$sandbox_pid"; then
    echo "the sandbox did not stop cleanly" >&2
    [ "$status" -ne 0 ] || status=1
  fi
  [ "$status" -eq 0 ] || tail -n 20 "$sandbox_log" >&2
  rm -f "$sandbox_log"
  ! declare -F after_sandbox >/dev/null || after_sandbox
  exit "$status"
}
