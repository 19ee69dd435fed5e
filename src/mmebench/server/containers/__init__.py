"""The servers that hold the models inside a local endpoint."""
