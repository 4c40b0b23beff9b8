#!/usr/bin/env bash
# Check style and types of the code, as CI does: ruff's rules and format, and mypy.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
cd "$ROOT"
code=(gaia_ssl configs docs tools tests setup.py)
"$PY" -m ruff check "${code[@]}"
"$PY" -m ruff format --check "${code[@]}"
"$PY" -m mypy
