"""Archives of models so small that what they compute can be checked by hand: ``y = 3 x + offset``."""

import io
import json
import platform
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmebench.formats.archive import pack
from mmebench.models.quiet import quiet

WIDTH = 4


def expected(values: list[list[float]], offset: float) -> list[list[float]]:
    return [[3 * value + offset for value in row] for row in values]


def onnx_bytes(offset: float, *, half: bool = False) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    kind, dtype = (TensorProto.FLOAT16, np.float16) if half else (TensorProto.FLOAT, np.float32)
    constants = [
        onnx.numpy_helper.from_array(np.array([value], dtype), name)
        for name, value in (("three", 3), ("offset", offset))
    ]
    nodes = [
        helper.make_node("Mul", ["x", "three"], ["tripled"]),
        helper.make_node("Add", ["tripled", "offset"], ["y"]),
    ]
    shape: list[str | int | None] = ["batch", WIDTH]
    inputs, outputs = (helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y"))
    graph = helper.make_graph(nodes, "tiny", [inputs], [outputs], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def file_model(path: Path) -> dict[str, Any]:
    """A spec's model: such a file, or an archive of it."""
    tensor = {"datatype": "FP32", "shape": [WIDTH]}
    return {
        "source": "file",
        "path": str(path),
        "inputs": [{"name": "x"} | tensor],
        "outputs": [{"name": "y"} | tensor],
    }


def onnx_archive(path: Path, offset: float, *, half: bool = False, config: str = "") -> Path:
    datatype = "TYPE_FP16" if half else "TYPE_FP32"
    content = onnx_bytes(offset, half=half)
    return _pack(path, "model.onnx", content, config or _config('backend: "onnxruntime"', datatype))


def torchscript_archive(path: Path, offset: float, backend: str = 'backend: "pytorch"', config: str = "") -> Path:
    import torch

    class Tiny(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 3 + offset

    file = path.with_suffix(".pt")
    torch.jit.trace(Tiny(), torch.zeros(2, WIDTH)).save(str(file))
    return _pack(
        path, "model.pt", file.read_bytes(), config or _config(backend, "TYPE_FP32", "INPUT__0", "OUTPUT__0")
    )


def openvino_archive(path: Path, offset: float) -> Path:
    from mmebench.silent_openvino import openvino

    ops = openvino.opset13

    parameter = ops.parameter([-1, WIDTH], np.float32, name="x")
    result = ops.add(ops.multiply(parameter, np.float32(3)), np.float32(offset))
    result.output(0).get_tensor().set_names({"y"})
    file = path.with_suffix(".xml")
    openvino.save_model(openvino.Model([result], [parameter], "tiny"), file, compress_to_fp16=False)
    return _pack(path, "model.xml", file.read_bytes(), _config('backend: "openvino"', "TYPE_FP32"), "model.bin")


def python_archive(path: Path, source: str, config: str = "") -> Path:
    """A model of Triton's own Python backend."""
    return _pack(path, "model.py", source.encode(), config or _config('backend: "python"', "TYPE_FP32"))


def wide_archive(path: Path, times: int) -> Path:
    """A model whose answer is as many times as long as its input: who got it can tell which model gave it."""
    from onnx import TensorProto, helper

    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        for name, width in (("x", WIDTH), ("y", times * WIDTH))
    )
    content = onnx_model([helper.make_node("Concat", ["x"] * times, ["y"], axis=1)], [x], [y])
    config = _config('backend: "onnxruntime"', "TYPE_FP32")
    wide = config.replace(
        f'output {{ name: "y" data_type: TYPE_FP32 dims: {WIDTH} }}',
        f'output {{ name: "y" data_type: TYPE_FP32 dims: {times * WIDTH} }}',
    )
    return _pack(path, "model.onnx", content, wide)


def weighty_archive(path: Path, offset: float, load: float = 0.0, run: float = 0.0) -> Path:
    """A model with 50 MB that no other process shares, which takes its time (seconds) to load and to run."""
    source = f"""
import time
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, arguments):
        self.weights = np.ones(50_000_000, np.uint8)
        time.sleep({load})

    def execute(self, requests):
        time.sleep({run})
        arrays = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        tensors = [pb_utils.Tensor("y", array * 3 + np.float32({offset})) for array in arrays]
        return [pb_utils.InferenceResponse([tensor]) for tensor in tensors]
"""
    return python_archive(path, source)


def loose_archive(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """An archive of these files by name, as somebody's tar would make it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def onnx_model(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> bytes:
    """A model of a few nodes."""
    from onnx import helper

    graph = helper.make_graph(nodes, "tiny", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def torchscript_model(module: Any, *inputs: Any) -> bytes:
    """``module`` as torch.jit.trace writes it."""
    import torch

    content = io.BytesIO()
    torch.jit.save(torch.jit.trace(module, inputs, strict=False), content)
    return content.getvalue()


def aoti_model(module: Any, *inputs: Any, **named: Any) -> bytes:
    """``module`` as AOTInductor compiles it, for any batch up to 8; it takes seconds, and a C++ compiler."""
    import torch

    content = io.BytesIO()
    batch = torch.export.Dim("batch", min=1, max=8)
    shapes = (*({0: batch} for _ in inputs), *({0: batch} for _ in named))
    with torch.no_grad(), quiet():
        program = torch.export.export(module.eval(), inputs, named, dynamic_shapes=shapes)
        torch._inductor.aoti_compile_and_package(program, package_path=content)
    return content.getvalue()


def aoti_label(device: str = "cpu", machine: str = "", instructions: str = "", capability: str = "") -> bytes:
    """A package that only says what it was compiled for; there is no code in it."""
    said = {
        "AOTI_DEVICE_KEY": device,
        "AOTI_MACHINE": machine or platform.machine(),
        "AOTI_CPU_ISA": instructions,
        "AOTI_COMPUTE_CAPABILITY": capability,
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data/aotinductor/model/a.wrapper_metadata.json", json.dumps(said))
    return content.getvalue()


def _config(server: str, datatype: str, first: str = "x", last: str = "y") -> str:
    return f"""
    {server}
    max_batch_size: 8
    input {{ name: "{first}" data_type: {datatype} dims: {WIDTH} }}
    output {{ name: "{last}" data_type: {datatype} dims: {WIDTH} }}
    instance_group {{ count: 1 kind: KIND_GPU }}
    dynamic_batching {{ }}
    """


def _pack(path: Path, name: str, content: bytes, config: str, *siblings: str) -> Path:
    folder = path.parent / f"{path.name}-folder" / "tiny"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)
    (folder / "1" / name).write_bytes(content)
    for sibling in siblings:
        (folder / "1" / sibling).write_bytes(path.with_suffix(Path(sibling).suffix).read_bytes())
    pack(folder, path)
    return path
