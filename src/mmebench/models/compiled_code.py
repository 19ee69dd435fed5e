"""Code of AOTInductor that is compiled by whoever has the GPU that will serve it, from an exported program.

It fits the kind of GPU that it was compiled on, and a libtorch no older than the PyTorch that compiled it: what it
calls is a C interface that only grows (torch/csrc/inductor/aoti_torch/c/shim.h).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typing_extensions import override

from mmebench.endpoints.engine_builder import Builder
from mmebench.endpoints.opener import opener_of
from mmebench.errors import BadInputError, MmebenchError
from mmebench.models.built_package import Recipe, package_built
from mmebench.models.device import describe_code, in_words
from mmebench.models.package import Package
from mmebench.models.parity import Parity
from mmebench.spec import ExportedProgram, PlatformSpec, ServedEndpoint

_TOLERANCE = {"fp32": 1e-2, "fp16": 2e-2}
"""Largest difference relative to the largest output. PyTorch lets GPUs round convolutions of FP32 to ten bits
(TF32), and the code need not do so in the same places as the program; wrong code is near 1."""

Progress = Callable[[str], None]


class _Code(Recipe):
    what = "package"
    program = "compiler"
    file = "model.pt2"
    log = "compiler.log"

    def __init__(
        self, exported: Package, platform: PlatformSpec, endpoint: ServedEndpoint, builder: Builder
    ) -> None:
        self.builder = builder
        self._exported, self._precision, self._serving = exported, platform.precision, endpoint.pytorch
        self.options = () if endpoint.pytorch is None else ("--serving", in_words(endpoint.pytorch))

    @override
    def judge(self, built: Path, log: str, progress: Progress) -> dict[str, Any]:
        from mmebench.models.compiler_script import release  # which imports PyTorch

        try:
            said = json.loads((built / "compiled.json").read_bytes())
            version = release(said["torch"])
            parity = Parity(
                max_absolute=said["max_absolute"],
                max_relative=said["max_relative"],
                tolerance=_TOLERANCE[self._precision],
                shapes=said["shapes"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MmebenchError(f"the compiler left no compiled.json that can be read: {error}") from None
        if not parity.max_relative <= parity.tolerance:
            raise MmebenchError(
                f"the code differs from the program that it was compiled from by {parity.max_relative:.3g} of the "
                f"largest output; allowed is {parity.tolerance:g}; {log} has what was said of it; try another "
                "platform or precision: fp32"
            )
        try:
            compiled_for = describe_code(built / self.file)
        except BadInputError as error:
            raise MmebenchError(str(error)) from None
        progress(f"compiled by PyTorch {said['torch']}, {parity.max_relative:.1g} from the program")
        if self._serving is not None and version < self._serving:
            progress(
                f"it is served by PyTorch {in_words(self._serving)}, which is newer; code of older ones is meant "
                "to run on it"
            )
        kept = {key: self._exported.details[key] for key in ("tensors", "libraries")}
        return {
            "parity": parity,
            "details": kept
            | {
                "compiled_for": compiled_for,
                "compiled_by": {key: said[key] for key in ("torch", "cuda", "gpu")},
                "exported_sha256": self._exported.sha256,
            },
        }

    @override
    def config(self, text: str) -> str:
        return text


def exported_program(platform: PlatformSpec) -> PlatformSpec:
    """What the model is exported to first."""
    own = {name: getattr(platform, name) for name in PlatformSpec.model_fields}
    return ExportedProgram.model_validate(own | {"kind": "exported"})


def package_code(
    exported: Package,
    platform: PlatformSpec,
    sequence_length: int,
    endpoint: ServedEndpoint,
    directory: Path,
    progress: Progress,
) -> Package:
    """Have an exported program compiled and packaged; see :func:`mmebench.models.built_package.package_built`."""
    builder = opener_of(endpoint).compiler(endpoint)
    assert builder is not None, "only an endpoint that compiles has code built"
    recipe = _Code(exported, platform, endpoint, builder)
    return package_built(exported, platform, sequence_length, recipe, directory, progress)
