#!/usr/bin/env bash
# Test a classifier with a subnet: dist_test.sh CONFIG SUBNET CHECKPOINT GPUS [options of downstream.py]
exec bash "$(dirname "$0")/../dist_downstream.sh" test "$@"
