#!/usr/bin/env bash
# Train or test a detector, segmentor or classifier with a subnet under slurm:
# slurm_downstream.sh train PARTITION JOB_NAME CONFIG SUBNET [options of downstream.py train]
# slurm_downstream.sh test PARTITION JOB_NAME CONFIG SUBNET CHECKPOINT [options of downstream.py test]
# SUBNET is the folder of an extracted subnet. GPUS, GPUS_PER_NODE and CPUS_PER_TASK default to 8, 8
# and 5; SRUN_ARGS go to srun.
set -eu
COMMAND=${1:-}
NAMED=$([ "$COMMAND" = test ] && echo 1 || echo 0)
if [ $# -lt $((NAMED + 5)) ]; then
    sed -n '3,6s/^# //p' "$0" >&2
    exit 2
fi
PARTITION=$2
JOB_NAME=$3
CONFIG=$4
SUBNET=$5
CHECKPOINT=()
[ "$COMMAND" = test ] && CHECKPOINT=("$6")
shift $((NAMED + 5))
source "$(dirname "$0")/../_launch.sh"
launch_slurm "$PARTITION" "$JOB_NAME" "$ROOT/tools/benchmarks/downstream.py" "$COMMAND" "$CONFIG" \
    "${CHECKPOINT[@]}" --subnet "$SUBNET" --launcher slurm "$@"
