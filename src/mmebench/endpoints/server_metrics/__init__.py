"""The Triton model that reports what its server's machine is doing."""

TARGET = "server_metrics.tar.gz"
"""The target that the model is served as."""
