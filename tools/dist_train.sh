#!/usr/bin/env bash
# Train a supernet with several processes: dist_train.sh CONFIG GPUS [options of train.py]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each. Without GPUs the
# processes run on the CPU.
set -eu
if [ $# -lt 2 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
shift 2
source "$(dirname "$0")/_launch.sh"
launch_dist "$GPUS" "$ROOT/tools/train.py" "$CONFIG" --launcher pytorch "$@"
