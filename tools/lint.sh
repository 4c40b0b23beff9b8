#!/usr/bin/env bash
# Check style and types of the code and the links of the documents, as CI does: ruff's rules and format, mypy, and a build
# of the pages in which every warning is an error.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
cd "$ROOT"
code=(gaia_ssl configs docs tools tests setup.py)
"$PY" -m ruff check "${code[@]}"
"$PY" -m ruff format --check "${code[@]}"
"$PY" -m mypy
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
"$PY" -m sphinx -q -W --keep-going -b html docs/en "$pages"
