# shellcheck shell=bash
# For the shell commands to source: sets up when needed, then says where everything is.
#   ROOT  the checkout        PY  the interpreter to run it with
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PY=$(bash "$ROOT/tools/setup_env.sh") || exit
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"
