# shellcheck shell=bash
# For the launch scripts to source: how the processes of a tool are started, and where they are.
#   ROOT  the checkout
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"

launch_dist() { # launch_dist GPUS TOOL --launcher pytorch [arguments]: on this machine, as one of NNODES
    local gpus=$1
    shift
    if ! [[ $gpus =~ ^[1-9][0-9]*$ ]]; then
        echo "error: GPUS: $gpus is not a number of processes; give one before the options" >&2
        exit 2
    fi
    exec "${PYTHON:-python}" -m torch.distributed.run \
        --nnodes="${NNODES:-1}" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="${PORT:-29500}" \
        --nproc_per_node="$gpus" \
        -- "$@"
}

launch_slurm() { # launch_slurm PARTITION JOB_NAME TOOL --launcher slurm [arguments]
    local partition=$1 job_name=$2 gpus_per_node=${GPUS_PER_NODE:-8}
    shift 2
    # shellcheck disable=SC2086
    exec srun \
        -p "$partition" \
        --job-name="$job_name" \
        --gres="gpu:$gpus_per_node" \
        --ntasks="${GPUS:-8}" \
        --ntasks-per-node="$gpus_per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        ${SRUN_ARGS:-} \
        "${PYTHON:-python}" -u "$@"
}
