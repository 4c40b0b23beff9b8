"""Plan, run, resume and tabulate many trainings: subnets and baselines on downstream tasks."""
