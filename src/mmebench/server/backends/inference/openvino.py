"""OpenVINO, on the CPU."""

from collections.abc import Sequence

import openvino

from mmebench.server.backends.inference import Array, Infer, ModelOptions


def open_model(options: ModelOptions) -> Infer:
    """The OpenVINO IR (or ONNX) model, compiled for this CPU."""
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1}
    # OpenVINO picks bf16 by itself where the CPU has it; the archive says what precision it wants.
    model = core.compile_model(
        core.read_model(options.path), "CPU", settings | {"INFERENCE_PRECISION_HINT": "f32"}
    )
    request = model.create_infer_request()

    def infer(arrays: Sequence[Array]) -> list[Array]:
        request.infer(dict(zip(options.inputs, arrays, strict=True)))
        return [request.get_tensor(name).data.copy() for name in options.outputs]

    return infer
