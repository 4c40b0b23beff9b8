#!/usr/bin/env bash
# Set up on the first run, then run the tests. Arguments go to pytest: tests/test_space, -k moco, -n 2, ...
# The slow ones are left out unless asked for: -m slow for them alone, -m '' for all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
cd "$ROOT"
# One thread: beside another busy process, two are far slower than one.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$PY" -m pytest "$@"
