# What every bed needs: a bound on its time, a folder of its own, the muster binary, processes that end with it.
#   . "$(dirname "$0")/../common.sh"        (first line of a bed's `run`, an executable bash script)
# A bed installs what it needs into its own folder, fails rather than skips, and leaves nothing behind.
set -euo pipefail

BED=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$BED/../../.." && pwd)

# A bed takes half a minute; more than this is a hang. Building is not counted.
BED_SECONDS=${BED_SECONDS:-240}
# Downloads of about 80 MB, on a slow line.
INSTALL_SECONDS=180
BUILD_SECONDS=1200

# Where failures are told, also while some command's errors go to a log.
exec {TOLD}>&2

fail() {
  echo "FAILED: $*" >&"$TOLD"
  exit 1
}

# The binary of this checkout: after `cargo test --workspace` there is nothing left to build.
if [ -z "${MUSTER_BINARY:-}" ]; then
  (cd "$ROOT" && timeout --foreground -k 10 "$BUILD_SECONDS" cargo build -q -p muster --locked) || fail "muster does not build"
  MUSTER_BINARY=${CARGO_TARGET_DIR:-$ROOT/target}/debug/muster
  export MUSTER_BINARY
fi
if [ -z "${BED_IS_BOUNDED:-}" ]; then
  export BED_IS_BOUNDED=yes
  exec timeout -k 20 "$BED_SECONDS" "$BED/run" "$@"
fi

WORK=$(mktemp -d)
STARTED=()

# Ends what was started, by its id, and removes the folder; what went wrong is shown before.
finish() {
  local status=$? id
  trap - EXIT
  [ "$status" = 0 ] || show_logs
  for id in "${STARTED[@]}"; do kill -TERM "$id" 2>/dev/null || true; done
  for id in "${STARTED[@]}"; do end "$id"; done
  rm -rf "$WORK"
  exit "$status"
}

# Waits up to 5 s for a process that was told to end, then ends it.
end() {
  local _
  for _ in $(seq 50); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}

show_logs() {
  local log
  for log in "$WORK"/*.log; do
    [ -s "$log" ] || continue
    echo "--- the end of $(basename "$log")" >&"$TOLD"
    tail -n 25 "$log" >&"$TOLD"
  done
}

trap finish EXIT
trap 'exit 130' INT
trap 'fail "not done within $BED_SECONDS s"' TERM HUP

say() {
  echo "$(basename "$BED"): $*"
}

muster() {
  "$MUSTER_BINARY" "$@"
}

# venv PACKAGE...: a Python with these packages from PyPI, as $PYTHON.
venv() {
  python3 -m venv "$WORK/venv" || fail "python3 with its venv module is needed (Debian: python3-venv)"
  PYTHON=$WORK/venv/bin/python
  timeout --foreground "$INSTALL_SECONDS" "$PYTHON" -m pip install -q --disable-pip-version-check "$@" 2>"$WORK/pip.log" \
    || fail "pip could not install $*"
}

# start NAME COMMAND...: in the background, its output in NAME.log.
start() {
  local name=$1
  shift
  "$@" >"$WORK/$name.log" 2>&1 &
  STARTED+=($!)
  echo $! >"$WORK/$name.pid"
}

# await NAME WORD: what follows WORD on the first line of NAME.log that has it; waits 30 s for it.
await() {
  local _ line
  for _ in $(seq 300); do
    line=$(grep -s -m 1 -- "$2" "$WORK/$1.log" || true)
    if [ -n "$line" ]; then
      echo "${line##*"$2" }"
      return 0
    fi
    kill -0 "$(<"$WORK/$1.pid")" 2>/dev/null || fail "$1 ended and did not say '$2'"
    sleep 0.1
  done
  fail "$1 did not say '$2' within 30 s"
}
