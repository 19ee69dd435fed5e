"""Cold starts: how long a first invocation takes, and what on."""
