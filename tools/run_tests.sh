#!/usr/bin/env bash
# Set up on the first run, then run the tests. Arguments go to pytest: tests/test_space, -k moco, -n 0, ...
# The slow ones are left out unless asked for: -m slow for them alone, -m '' for all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
cd "$ROOT"
# One process per core unless -n says otherwise, and one with --pdb; eight at most, as each takes 1 to 2 GB.
cores=$(env -u OMP_NUM_THREADS nproc)
export PYTEST_XDIST_AUTO_NUM_WORKERS=${PYTEST_XDIST_AUTO_NUM_WORKERS:-$((cores < 8 ? cores : 8))}
# One thread: beside another busy process, two are far slower than one.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Neighbouring tests run in one process and share what their module builds; idle processes take over some.
exec "$PY" -m pytest -n auto --dist worksteal "$@"
