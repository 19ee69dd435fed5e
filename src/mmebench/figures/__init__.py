"""Analysis: pure functions from a record to numbers."""
