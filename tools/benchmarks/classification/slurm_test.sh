#!/usr/bin/env bash
# Test a classifier with a subnet under slurm:
# slurm_test.sh PARTITION JOB_NAME CONFIG SUBNET CHECKPOINT [options of downstream.py]
exec bash "$(dirname "$0")/../slurm_downstream.sh" test "$@"
