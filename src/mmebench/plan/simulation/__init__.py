"""Request by request over the instances."""
