"""The Triton model that reports what its server's machine is doing, as an archive and as a question to ask.

The model itself is ``config.pbtxt`` and ``1/model.py`` in this folder, which serve in any Triton as they are.
"""

TARGET = "server_metrics.tar.gz"
"""The target that the model is served as."""
