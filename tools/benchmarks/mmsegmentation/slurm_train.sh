#!/usr/bin/env bash
# Train a segmentor with a subnet under slurm:
# slurm_train.sh PARTITION JOB_NAME CONFIG SUBNET [options of downstream.py]
exec bash "$(dirname "$0")/../slurm_downstream.sh" train "$@"
