#!/usr/bin/env bash
# Set up on the first run, then the whole job on small images: see --help, or tools/quickstart/run.py.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
exec "$PY" "$ROOT/tools/quickstart/run.py" "$@"
