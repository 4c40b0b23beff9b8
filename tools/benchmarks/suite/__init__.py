"""Subnets and baselines on downstream tasks: what to run, and the table of what came out."""
