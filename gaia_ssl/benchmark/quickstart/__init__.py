"""The quickstart: its stages, its baselines and its report."""
