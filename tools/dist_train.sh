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
ROOT=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    -- "$ROOT/tools/train.py" "$CONFIG" --launcher pytorch "$@"
