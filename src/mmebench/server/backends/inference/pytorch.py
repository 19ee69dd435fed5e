"""TorchScript."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch

from mmebench.server.backends.inference import Array, Infer, ModelOptions, positions


def open_model(options: ModelOptions) -> Infer:
    """The TorchScript model; on the GPU ``options.device`` when there is one."""
    # Inputs are views of memory that belongs to others. They are only read, so torch need not warn of it.
    warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
    torch.set_num_threads(options.threads)
    device = torch.device("cpu") if options.device is None else torch.device("cuda", options.device)
    module = torch.jit.load(str(options.path), map_location=device).eval()
    places = positions(options.inputs)
    outputs = dict(zip(options.outputs, positions(options.outputs), strict=True))

    def infer(arrays: Sequence[Array]) -> list[Array]:
        ordered = [array for _, array in sorted(zip(places, arrays, strict=True), key=lambda pair: pair[0])]
        with torch.inference_mode():
            result = module(*[torch.from_numpy(array).to(device) for array in ordered])
            return [_pick(result, name, place).cpu().numpy() for name, place in outputs.items()]

    return infer


def _pick(result: Any, name: str, place: int) -> torch.Tensor:
    """One output of a model that returns a tensor, a tuple, or a dictionary (as Hugging Face models do)."""
    if isinstance(result, torch.Tensor):
        result = (result,)
    tensor = result.get(name, None) if isinstance(result, dict) else None
    if tensor is None:
        values = list(result.values()) if isinstance(result, dict) else result
        if place >= len(values):
            raise ValueError(f"config.pbtxt names output {name}; the model returned {len(values)} tensors")
        tensor = values[place]
    assert isinstance(tensor, torch.Tensor)
    return tensor.contiguous()
