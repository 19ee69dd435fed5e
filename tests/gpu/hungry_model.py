"""y = 2x, by a model that takes memory of its GPU as PyTorch would, and says what PyTorch says when there is none.

Parameters in config.pbtxt, bytes each: ``load`` is taken by ``initialize``; ``run`` by the first ``execute``; and
``row`` for each row of the largest batch so far, as a cache of memory grows.
"""

import ctypes
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

_MEMORY_ALLOCATION = 2


class OutOfGpuMemoryError(Exception):
    """What ``torch.OutOfMemoryError`` is to PyTorch."""


class TritonPythonModel:
    """The model as Triton's Python backend wants it."""

    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"])["parameters"]
        self._load, self._run, self._row = (
            int(parameters[name]["string_value"]) for name in ("load", "run", "row")
        )
        self._device = int(args["model_instance_device_id"])
        self._cuda = ctypes.CDLL(None)  # where LD_PRELOAD has put the stand-in
        self._taken = 0
        self._pieces: list[ctypes.c_void_p] = []
        try:
            self._take_up_to(self._load)
        except OutOfGpuMemoryError as error:
            raise pb_utils.TritonModelException(str(error)) from None

    def execute(self, requests: list[Any]) -> list[Any]:
        arrays = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        try:
            self._take_up_to(self._load + self._run + self._row * _rows(arrays))
        except OutOfGpuMemoryError as error:
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error))) for _ in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", array * np.float32(2))]) for array in arrays]

    def finalize(self) -> None:
        for piece in self._pieces:
            self._call("cudaFree", piece)

    def _take_up_to(self, size: int) -> None:
        """Have ``size`` bytes at least."""
        more = size - self._taken
        if more <= 0:
            return
        self._call("cudaSetDevice", self._device)
        piece = ctypes.c_void_p()
        if self._call("cudaMalloc", ctypes.byref(piece), ctypes.c_size_t(more)) == _MEMORY_ALLOCATION:
            raise OutOfGpuMemoryError(self._out_of_memory(more))
        self._pieces.append(piece)
        self._taken += more

    def _call(self, name: str, *arguments: Any) -> int:
        code = int(getattr(self._cuda, name)(*arguments))
        if code not in (0, _MEMORY_ALLOCATION):
            raise pb_utils.TritonModelException(f"{name} gave the error {code}")
        return code

    def _out_of_memory(self, wanted: int) -> str:
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self._call("cudaMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        mine = _size(self._taken)
        return (
            f"CUDA out of memory. Tried to allocate {_size(wanted)}. GPU {self._device} has a total capacity of "
            f"{_size(total.value)} of which {_size(free.value)} is free. Including non-PyTorch memory, this "
            f"process has {mine} memory in use. Of the allocated memory {mine} is allocated by PyTorch, and "
            "0 bytes is reserved by PyTorch but unallocated."
        )


def _rows(arrays: Iterable[Any]) -> int:
    return sum(len(array) for array in arrays)


def _size(size: int) -> str:
    """As PyTorch writes it."""
    for unit, bytes_ in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= bytes_:
            return f"{size / bytes_:.2f} {unit}"
    return f"{size} bytes"
