"""What Python models import as ``triton_python_backend_utils``, for the Python fallback: the part that a model
without decoupled answers, shared memory of its own or calls to other models needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmebench.server.containers.v2_codec import DTYPES

Array = NDArray[Any]


class TritonError(Exception):
    """Why a request failed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def message(self) -> str:
        """The reason."""
        return str(self)


class TritonModelException(Exception):  # noqa: N818 - the name is Triton's
    """Raised by a model that cannot be loaded or executed."""


class Tensor:
    """A named array."""

    def __init__(self, name: str, array: Array) -> None:
        self._name = name
        self._array = array

    def name(self) -> str:
        """Its name."""
        return self._name

    def as_numpy(self) -> Array:
        """Its values."""
        return self._array

    def is_cpu(self) -> bool:
        """Always."""
        return True

    @classmethod
    def from_dlpack(cls, name: str, source: Any) -> "Tensor":
        """A tensor of anything that exports DLPack."""
        return cls(name, np.from_dlpack(source))

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


class InferenceRequest:
    """The inputs of one request."""

    def __init__(self, inputs: Mapping[str, Array]) -> None:
        self._inputs = [Tensor(name, array) for name, array in inputs.items()]

    def inputs(self) -> list[Tensor]:
        """All of them."""
        return self._inputs


class InferenceResponse:
    """The outputs of one request, or why there are none."""

    def __init__(self, output_tensors: Sequence[Tensor] = (), error: TritonError | None = None) -> None:
        self._outputs = list(output_tensors)
        self._error = error

    def output_tensors(self) -> list[Tensor]:
        """All of them."""
        return self._outputs

    def error(self) -> TritonError | None:
        """The reason of a failure."""
        return self._error


def get_input_tensor_by_name(request: InferenceRequest, name: str) -> Tensor | None:
    """One input; None when the request does not have it."""
    return next((tensor for tensor in request.inputs() if tensor.name() == name), None)


def get_output_config_by_name(config: Mapping[str, Any], name: str) -> Any:
    """The part of a model configuration about one output; None when there is none."""
    return next((item for item in config.get("output", ()) if item["name"] == name), None)


def triton_string_to_numpy(datatype: str) -> Any:
    """The numpy type of ``TYPE_FP32``."""
    return DTYPES[datatype.removeprefix("TYPE_").replace("STRING", "BYTES")]
