"""A multi-model endpoint on this machine: router, residency, archive store, containers."""
