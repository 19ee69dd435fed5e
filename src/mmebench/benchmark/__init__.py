"""The story: a spec in, a results directory out."""
