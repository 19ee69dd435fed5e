"""What is in memory: ledger, loading, eviction, the store behind it."""
