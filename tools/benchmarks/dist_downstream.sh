#!/usr/bin/env bash
# Train or test a detector, segmentor or classifier with a subnet in several processes:
# dist_downstream.sh train CONFIG SUBNET GPUS [options of downstream.py train]
# dist_downstream.sh test CONFIG SUBNET CHECKPOINT GPUS [options of downstream.py test]
# SUBNET is the folder of an extracted subnet. Several machines: set NNODES, NODE_RANK, MASTER_ADDR
# and PORT on each. Without GPUs the processes run on the CPU.
set -eu
COMMAND=${1:-}
NAMED=$([ "$COMMAND" = test ] && echo 2 || echo 1)
if [ $# -lt $((NAMED + 3)) ]; then
    sed -n '3,6s/^# //p' "$0" >&2
    exit 2
fi
CONFIG=$2
SUBNET=$3
CHECKPOINT=()
[ "$COMMAND" = test ] && CHECKPOINT=("$4")
shift $((NAMED + 2))
GPUS=$1
shift
source "$(dirname "$0")/../_launch.sh"
launch_dist "$GPUS" "$ROOT/tools/benchmarks/downstream.py" "$COMMAND" "$CONFIG" "${CHECKPOINT[@]}" \
    --subnet "$SUBNET" --launcher pytorch "$@"
