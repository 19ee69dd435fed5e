"""A model in Triton's stub process: opened as its configuration says, executed in batches across requests."""

import atexit
import json
import os
from collections.abc import Sequence
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from mmebench.server.backends.dlpack import to_array, to_tensor
from mmebench.server.backends.inference import Array, Infer, open_model
from mmebench.server.backends.inference.options import model_options


class BatchedModel:
    """Triton's Python model interface around one :data:`~mmebench.server.backends.inference.Infer`."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Open the model file.

        Raises:
            TritonModelException: the model cannot be opened; Triton answers the load request with the message.
        """
        config = json.loads(arguments["model_config"])
        version = Path(arguments["model_repository"], arguments["model_version"])
        device = int(arguments["model_instance_device_id"]) if arguments["model_instance_kind"] == "GPU" else None
        try:
            options = model_options(config, version, device)
            self.infer: Infer = open_model(options)
        except Exception as error:  # each runtime has its own; Triton wants one kind
            raise pb_utils.TritonModelException(f"{type(error).__name__}: {str(error)[:1000]}") from error
        self.inputs = [tensor.name for tensor in options.inputs]
        self.outputs = [tensor.name for tensor in options.outputs]
        self.strings = {tensor.name for tensor in options.inputs if tensor.datatype == "TYPE_STRING"}
        self.batches = config.get("max_batch_size", 0) > 0

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response a request, in order; requests whose rows fit together are executed together."""
        rows = [self._read(request) for request in requests]
        responses: list[Any] = []
        for _, group in groupby(rows, key=lambda row: _row_shapes(row) if self._joins(row) else id(row)):
            responses += self._respond(list(group))
        return responses

    def finalize(self) -> None:
        """Have this process end at once: to take a runtime apart that the process's end frees anyway takes long.

        Triton waits for it before it calls the model unloaded: with PyTorch 2.13 on a CPU 0.4 s. That its Python
        backend sleeps for a second before, and its stub for up to 0.3 s, is not to be had for less.
        """
        atexit.register(os._exit, 0)

    def _joins(self, row: dict[str, Array]) -> bool:
        """What is on a GPU already is computed there, each request by itself."""
        return self.batches and bool(row) and all(isinstance(array, np.ndarray) for array in row.values())

    def _read(self, request: Any) -> dict[str, Array]:
        """The inputs of a request in the order of the configuration, without those that it leaves out."""
        tensors = {name: pb_utils.get_input_tensor_by_name(request, name) for name in self.inputs}
        return {
            name: tensor.as_numpy() if name in self.strings else to_array(tensor)
            for name, tensor in tensors.items()
            if tensor is not None
        }

    def _respond(self, rows: list[dict[str, Array]]) -> list[Any]:
        try:
            if len(rows) == 1:
                results = [self.infer(rows[0])]
            else:
                joined = self.infer({name: np.concatenate([row[name] for row in rows]) for name in rows[0]})
                ends = list(accumulate(next(iter(row.values())).shape[0] for row in rows))
                columns = [np.split(output, ends[:-1]) for output in joined]
                results = [list(parts) for parts in zip(*columns, strict=True)]
        except Exception as error:  # the requests fail, the model stays
            failure = pb_utils.TritonError(f"{type(error).__name__}: {str(error)[:1000]}")
            return [pb_utils.InferenceResponse(error=failure) for _ in rows]
        return [
            pb_utils.InferenceResponse([to_tensor(*pair) for pair in zip(self.outputs, arrays, strict=True)])
            for arrays in results
        ]


def _row_shapes(arrays: dict[str, Array]) -> list[tuple[str, tuple[int, ...]]]:
    """Requests can be joined along the batch when they have the same inputs, of the same shapes but for that."""
    return [(name, array.shape[1:]) for name, array in arrays.items()]
