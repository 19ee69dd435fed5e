import pytest

from mmebench.wire.out_of_memory import says_out_of_memory, tells_client_out_of_memory


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 20.00 MiB",
        "Out of memory: model 'a' needs 5 bytes",
        "onnx runtime error 6: Failed to allocate memory for requested buffer of size 1",
        "OOM when allocating tensor with shape[1]",
        "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
        "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "MemoryError",
        "write failed: No space left on device",
    ],
)
def test_words_for_exhausted_memory(message: str) -> None:
    assert says_out_of_memory(message)
    assert tells_client_out_of_memory(message)


@pytest.mark.parametrize(
    "message", ["bloom is not a model", "unexpected inference output y", "room for one more", ""]
)
def test_other_words(message: str) -> None:
    assert not tells_client_out_of_memory(message)


def test_what_tensorrt_says_reaches_the_client_and_not_the_front() -> None:
    message = "Internal: unable to create TensorRT context"
    assert not says_out_of_memory(message)
    assert tells_client_out_of_memory(message)
