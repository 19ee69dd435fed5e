"""TensorRT engines: from an ONNX package to one of ``model.plan``, by whoever has the GPU that will serve it.

An engine fits one version of TensorRT and one kind of GPU (NVIDIA TensorRT documentation, "Engine compatibility"),
so that the ``trtexec`` of the serving image builds it on the serving instance type, or this machine's for itself.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from mmebench.endpoints.engine_builder import EngineBuilder
from mmebench.endpoints.opener import opener_of
from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models.built_package import Recipe, package_built
from mmebench.models.config import checked
from mmebench.models.engine_precision import DETAILED, LAYERS, count_layers, in_words
from mmebench.models.package import Package
from mmebench.spec import Onnx, PlatformSpec, ServedEndpoint, TensorRt

ENGINE = "model.plan"
LOG = "trtexec.log"

_TRTEXEC = Path("/usr/src/tensorrt/bin/trtexec")
"""Where NVIDIA's images have it; it may be on the PATH as well."""
_TYPED = 10
"""The first major version of TensorRT by which half precision is the model's own matter."""
_BANNER = re.compile(r"\[TensorRT v(\d+)\]")
"""What trtexec begins with: 8601 for 8.6.1, 101303 for 10.13.3."""
_LEAST_SEQUENCE = 2
"""ONNX is exported for texts of at least so many tokens."""

Progress = Callable[[str], None]


def exported_platform(platform: PlatformSpec, builder: EngineBuilder) -> PlatformSpec:
    """What the model is exported to first: ONNX, in full precision where the builder lowers it as it sees fit."""
    own = {name: getattr(platform, name) for name in PlatformSpec.model_fields}
    precision = platform.precision if builder.tensorrt >= _TYPED else "fp32"
    return Onnx.model_validate(own | {"kind": "onnx", "precision": precision})


def trtexec_options(
    inputs: Sequence[TensorSpec], platform: PlatformSpec, sequence_length: int, tensorrt: int
) -> tuple[str, ...]:
    """Precision, what is told of it, and one optimisation profile with just the shapes that the spec can send.

    A profile reserves memory for its largest shape in every copy, so that its maximum is ``max_batch_size`` and
    the longest text of the workload, and no more.

    Args:
        inputs: without batch, -1 for the length of a text.
        platform: with ``max_batch_size``; without batches only the length varies.
        sequence_length: tokens of the longest text.
        tensorrt: its major version.
    """
    # With it 10 obeys the types of the model, as 11 always does (NVIDIA's migration guide for trtexec).
    lowered = "--fp16" if tensorrt < _TYPED else "--stronglyTyped"
    options = [lowered] if platform.precision == "fp16" else []
    own = platform.trtexec if isinstance(platform, TensorRt) else ()
    if not any(option.startswith(DETAILED.partition("=")[0]) for option in own):
        options.append(DETAILED)
    batched = platform.max_batch_size > 0
    if batched or any(-1 in tensor.shape for tensor in inputs):
        shortest = min(_LEAST_SEQUENCE, sequence_length)
        for name, batch, length in (
            ("min", 1, shortest),
            ("opt", platform.max_batch_size, sequence_length),
            ("max", platform.max_batch_size, sequence_length),
        ):
            shapes = ",".join(_shape(tensor, batch if batched else None, length) for tensor in inputs)
            options.append(f"--{name}Shapes={shapes}")
    return (*options, *own)


class _Engine(Recipe):
    what = "engine"
    program = "trtexec"
    file = ENGINE
    log = LOG

    def __init__(
        self, exported: Package, platform: PlatformSpec, sequence_length: int, builder: EngineBuilder
    ) -> None:
        self.builder = builder
        self.options = trtexec_options(exported.inputs, platform, sequence_length, builder.tensorrt)
        self._onnx_sha256, self._precision, self._longest = exported.sha256, platform.precision, sequence_length

    @override
    def judge(self, built: Path, log: str, progress: Progress) -> dict[str, Any]:
        layers = count_layers(built / LAYERS)
        progress(f"the engine has {in_words(layers)}")
        if self._precision == "fp16" and layers and "fp16" not in layers:
            raise MmebenchError(
                f"fp16 was asked for, and the engine that trtexec built has {in_words(layers)}; {log} says why, "
                "or take precision: fp32"
            )
        return {
            "parity": None,  # that of the ONNX file says nothing of what trtexec made of it
            "details": {"layers": layers, "onnx_sha256": self._onnx_sha256},
        }

    @override
    def config(self, text: str) -> str:
        return with_warmup(text, self._longest)


def package_engine(
    exported: Package,
    platform: PlatformSpec,
    sequence_length: int,
    builder: EngineBuilder,
    directory: Path,
    progress: Progress,
) -> Package:
    """Have an engine built from ONNX and packaged; see :func:`mmebench.models.built_package.package_built`.

    Its config warms the model up with the largest batch, so that no request pays for it.
    """
    recipe = _Engine(exported, platform, sequence_length, builder)
    return package_built(exported, platform, sequence_length, recipe, directory, progress)


def with_warmup(config: str, sequence_length: int) -> str:
    """The text of a config whose model executes its largest batch once, on zeros, before it counts as loaded."""
    changed = parse(config, "config.pbtxt")
    warmup = changed.model_warmup.add(name="largest batch", batch_size=max(1, changed.max_batch_size), count=1)
    for tensor in changed.input:
        data = warmup.inputs[tensor.name]
        data.data_type = tensor.data_type
        data.dims.extend(sequence_length if size == -1 else size for size in tensor.dims)
        data.zero_data = True
    return checked(changed)


class LocalBuilder(EngineBuilder):
    """The ``trtexec`` of this machine, for its own GPU."""

    def __init__(self) -> None:
        """Find it.

        Raises:
            BadInputError: there is none.
        """
        found = shutil.which("trtexec") or (str(_TRTEXEC) if os.access(_TRTEXEC, os.X_OK) else None)
        if found is None:
            raise BadInputError(
                "platform trt needs an engine built on the GPU that serves it, and this machine has no trtexec; "
                "run on endpoint: {kind: sagemaker}, which builds it in a job, use NVIDIA's TensorRT image, or "
                "give a ready Triton archive (.tar.gz) with model.plan as source: file"
            )
        self._trtexec = found
        self.made_with = f"trtexec of this machine, {_gpu()}"
        self.tensorrt = _major_version(found)

    @override
    def build(self, model: Path, options: Sequence[str], folder: Path, progress: Progress) -> None:
        progress("build the engine with trtexec")
        command = [
            self._trtexec,
            f"--onnx={model / 'model.onnx'}",
            f"--saveEngine={folder / ENGINE}",
            f"--exportLayerInfo={folder / LAYERS}",
            *options,
        ]
        with (folder / LOG).open("wb") as log:
            status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        if status != 0:
            said = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            raise MmebenchError(f"trtexec ended with exit code {status}:\n" + "\n".join(said))


def find_builder(endpoint: ServedEndpoint) -> EngineBuilder:
    """What builds engines for ``endpoint``, which is of one instance type.

    Raises:
        BadInputError: it is this machine, which has no trtexec.
    """
    return opener_of(endpoint).engine_builder(endpoint) or LocalBuilder()


def check_inputs(exported: Package, endpoint: ServedEndpoint) -> None:
    """Refuse an engine that would be built, at a price, and could not be served.

    Raises:
        BadInputError: TensorRT 8 of older images has no 64-bit integers, which token ids are.
    """
    wide = [tensor.name for tensor in exported.inputs if tensor.datatype == "INT64"]
    reason = endpoint.lacks_int64_engines
    if wide and reason is not None:
        raise BadInputError(f"{reason}, as {' and '.join(wide)} of {exported.model} are")


def _major_version(trtexec: str) -> int:
    """Of its TensorRT, which it begins whatever it says with.

    Raises:
        BadInputError: it does not say.
    """
    try:
        asked = subprocess.run([trtexec, "--help"], capture_output=True, text=True, check=False, errors="replace")
    except OSError as error:
        raise BadInputError(
            f"{trtexec} cannot be run: {error.strerror}; install NVIDIA's, or take its image"
        ) from None
    said = _BANNER.search(asked.stdout + asked.stderr)
    if said is None:
        raise BadInputError(f"{trtexec} does not say its version of TensorRT; put NVIDIA's first on the PATH")
    number = int(said[1])
    return number // (1000 if number < 10_000 else 10_000)


def _gpu() -> str:
    """The GPU's name and driver, by its own tool."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "GPU unknown"


def _shape(tensor: TensorSpec, batch: int | None, length: int) -> str:
    sizes = [] if batch is None else [batch]
    sizes += [length if size == -1 else size for size in tensor.shape]
    return f"{tensor.name}:{'x'.join(str(size) for size in sizes)}"
