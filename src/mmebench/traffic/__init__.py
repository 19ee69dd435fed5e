"""Traffic as it was: logs of what was asked for in production, which become traces that a benchmark repeats."""
