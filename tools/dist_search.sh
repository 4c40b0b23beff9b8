#!/usr/bin/env bash
# Search with several processes: dist_search.sh CONFIG CHECKPOINT GPUS [options of search.py]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each. Without GPUs the
# processes run on the CPU.
set -eu
if [ $# -lt 3 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
CONFIG=$1
CHECKPOINT=$2
GPUS=$3
shift 3
source "$(dirname "$0")/_launch.sh"
launch_dist "$GPUS" "$ROOT/tools/search.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "$@"
