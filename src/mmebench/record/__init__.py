"""The contract on disk: what a run leaves behind. Whoever measures writes it, whoever analyses reads it."""
