#!/usr/bin/env bash
# Train a segmentor with a subnet: dist_train.sh CONFIG SUBNET GPUS [options of downstream.py]
exec bash "$(dirname "$0")/../dist_downstream.sh" train "$@"
