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
ROOT=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    -- "$ROOT/tools/search.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "$@"
