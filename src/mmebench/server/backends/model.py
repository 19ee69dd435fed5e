"""The file that Triton loads for each of the backends ``onnxruntime``, ``pytorch`` and ``openvino``.

The model's configuration names its backend; everything else is the same for all of them.
"""

from mmebench.server.backends.batched_model import BatchedModel


class TritonPythonModel(BatchedModel):
    """The class name that Triton's Python backend looks for."""
