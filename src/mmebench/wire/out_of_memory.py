"""How servers and runtimes say that memory ran out: for the local endpoint, which then evicts, and for clients."""

_WORDS = (
    "out of memory", "out_of_memory", "outofmemory", "memoryerror", "failed to allocate memory",
    "dst tensor is not initialized", "src tensor is not initialized", "cudnn_status_not_initialized",
    "cublas_status_alloc_failed", "cublas_status_not_initialized", "no space left on device",
)  # fmt: skip
"""What Triton's SageMaker front takes for it (``src/sagemaker_server.cc`` of triton-inference-server/server)."""
_ABBREVIATION = "OOM"
"""The same, but for its case: ``bloom`` says nothing of memory."""
_TENSORRT = "unable to create tensorrt context"
"""All that Triton's TensorRT backend says of it. The front does not know it: it becomes a 400, nothing is evicted,
and the client is told 424."""


def says_out_of_memory(message: str) -> bool:
    """Whether Triton's SageMaker front would take a container's error message for exhausted memory."""
    said = message.lower()
    return _ABBREVIATION in message or any(words in said for words in _WORDS)


def tells_client_out_of_memory(message: str) -> bool:
    """Whether an error that reached a client means that the container had no memory left for the target."""
    return says_out_of_memory(message) or _TENSORRT in message.lower()
