"""What Python models import as ``triton_python_backend_utils``, for the Python fallback: the part that a model
without decoupled answers, shared memory of its own or calls to other models needs."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmebench.server.containers.v2_codec import DTYPES

Array = NDArray[Any]
_log = logging.getLogger(__name__)


class TritonError(Exception):
    """Why a request failed."""

    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS, CANCELLED = range(8)

    def __init__(self, message: str, code: int = INTERNAL) -> None:
        super().__init__(message)
        self._code = code

    def code(self) -> int:
        """The kind of the reason."""
        return self._code

    def message(self) -> str:
        """The reason."""
        return str(self)


class Logger:
    """What a model says, in the log of the endpoint."""

    @staticmethod
    def log_verbose(message: str) -> None:
        """Details."""
        _log.debug(message)

    @staticmethod
    def log_info(message: str) -> None:
        """What happened."""
        _log.info(message)

    @staticmethod
    def log_warn(message: str) -> None:
        """What may be wrong."""
        _log.warning(message)

    @staticmethod
    def log_error(message: str) -> None:
        """What is wrong."""
        _log.error(message)


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
    """The inputs of one request, and the outputs that it wants: all, as nobody loses by one too many."""

    def __init__(self, inputs: Mapping[str, Array], outputs: Sequence[str] = ()) -> None:
        self._inputs = [Tensor(name, array) for name, array in inputs.items()]
        self._outputs = outputs

    def inputs(self) -> list[Tensor]:
        """All of them."""
        return self._inputs

    def requested_output_names(self) -> list[str]:
        """Names of the outputs that it wants."""
        return list(self._outputs)

    def request_id(self) -> str:
        """The client's id is not passed on."""
        return ""


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


def get_output_tensor_by_name(response: InferenceResponse, name: str) -> Tensor | None:
    """One output; None when the response does not have it."""
    return next((tensor for tensor in response.output_tensors() if tensor.name() == name), None)


def get_input_config_by_name(config: Mapping[str, Any], name: str) -> Any:
    """The part of a model configuration about one input; None when there is none."""
    return next((item for item in config.get("input", ()) if item["name"] == name), None)


def get_output_config_by_name(config: Mapping[str, Any], name: str) -> Any:
    """The part of a model configuration about one output; None when there is none."""
    return next((item for item in config.get("output", ()) if item["name"] == name), None)


def triton_string_to_numpy(datatype: str) -> Any:
    """The numpy type of ``TYPE_FP32``."""
    return DTYPES[datatype.removeprefix("TYPE_").replace("STRING", "BYTES")]
