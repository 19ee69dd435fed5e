"""ONNX Runtime."""

from collections.abc import Sequence

import onnxruntime

from mmebench.server.backends.inference import Array, Infer, ModelOptions


def open_model(options: ModelOptions) -> Infer:
    """The ONNX model; on a GPU with the CUDA provider where this build of ONNX Runtime has it."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    # A thread that waits for work must not burn the core that another target needs.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(options.path), settings, providers=_providers(options.device))
    _check("input", options.inputs, [node.name for node in session.get_inputs()])
    _check("output", options.outputs, [node.name for node in session.get_outputs()])
    outputs = list(options.outputs)

    def infer(arrays: Sequence[Array]) -> list[Array]:
        found: list[Array] = session.run(outputs, dict(zip(options.inputs, arrays, strict=True)))
        return found

    return infer


def _providers(device: int | None) -> list[str | tuple[str, dict[str, str]]]:
    cpu = "CPUExecutionProvider"
    if device is None or "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return [cpu]
    return [("CUDAExecutionProvider", {"device_id": str(device)}), cpu]


def _check(kind: str, configured: Sequence[str], present: Sequence[str]) -> None:
    unknown = sorted(set(configured) - set(present))
    if unknown:
        raise ValueError(f"config.pbtxt names {kind} {', '.join(unknown)}; the model has {', '.join(present)}")
