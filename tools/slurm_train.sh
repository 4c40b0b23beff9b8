#!/usr/bin/env bash
# Train a supernet under slurm: slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]
# GPUS, GPUS_PER_NODE and CPUS_PER_TASK default to 8, 8 and 5; SRUN_ARGS go to srun.
set -eu
if [ $# -lt 3 ]; then
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
shift 3
source "$(dirname "$0")/_launch.sh"
launch_slurm "$PARTITION" "$JOB_NAME" "$ROOT/tools/train.py" "$CONFIG" --launcher slurm "$@"
