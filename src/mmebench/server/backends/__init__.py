"""What runs inside Triton's Python stub processes: backends for ONNX Runtime, PyTorch and OpenVINO.

Each resident target is a process of its own that imports this package, so it imports nothing but numpy and the
one runtime that the target needs.
"""
