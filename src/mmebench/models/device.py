"""Which kind of device this machine compiles for, where an export is machine code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmebench.errors import BadInputError
from mmebench.formats.aoti_package import compiled_for
from mmebench.gpus.nvml import find_gpus
from mmebench.installing import how_to_install
from mmebench.spec import FileModel, ModelSource, PlatformSpec, ServedEndpoint


def device_kind(platform: PlatformSpec) -> str:
    """``cuda`` or ``cpu``: what serves ``platform`` on this machine.

    Raises:
        BadInputError: a GPU does, which the PyTorch that compiles cannot use.
    """
    import torch

    if platform.device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    gpus = find_gpus()
    if gpus:
        raise BadInputError(
            f"platform {platform.kind} is compiled for the device that serves it, and PyTorch {torch.__version__} "
            f"cannot use this machine's {gpus[0].name}; run: {how_to_install('gpu')}, or say device: cpu"
        )
    return "cpu"


def describe_device(platform: PlatformSpec) -> str:
    """What code for :func:`device_kind` fits, in words: ``cuda 8.6``, ``cpu AVX512``."""
    import torch

    if device_kind(platform) == "cpu":
        return f"cpu {torch.backends.cpu.get_cpu_capability()}"
    major, minor = torch.cuda.get_device_capability()
    return f"cuda {major}.{minor}"


def describe_code(path: Path) -> dict[str, str]:
    """What the package of AOTInductor in ``path`` was compiled for, for the record.

    Raises:
        BadInputError: it is no such package.
    """
    try:
        return compiled_for(path)._asdict()
    except ValueError as error:
        raise BadInputError(str(error)) from None


def is_compiled_there(model: ModelSource, platform: PlatformSpec, endpoint: ServedEndpoint) -> bool:
    """Whether the code is compiled on the endpoint's kind of instance; what is compiled already cannot be."""
    wanted = platform.compiled and platform.device == "gpu" and endpoint.compiles_in_job
    return wanted and not isinstance(model, FileModel)


def check_device(model: ModelSource, platform: PlatformSpec, endpoint: ServedEndpoint) -> None:
    """Refuse code that an endpoint elsewhere could not run, before it is compiled.

    Raises:
        BadInputError: nothing compiles it for the GPU there, or the PyTorch here is newer than the one there.
    """
    elsewhere = endpoint.instance_type
    if not platform.compiled or model.is_ready_archive or elsewhere is None:
        return
    if is_compiled_there(model, platform, endpoint):
        if endpoint.lacks_compiler is not None:
            raise BadInputError(endpoint.lacks_compiler)
        return
    if platform.device == "gpu" and device_kind(platform) != "cuda":
        raise BadInputError(
            f"platform {platform.kind} is compiled for the GPU that serves it, and this machine has none; let a "
            "job compile a model of timm, torchvision or huggingface (engine_builder: training), run the "
            f"benchmark on a machine with the GPU of {elsewhere} and a PyTorch with CUDA, or give a ready archive "
            "(.tar.gz) that was made there as source: file"
        )
    if not isinstance(model, FileModel):
        _refuse_newer(endpoint)


def _refuse_newer(endpoint: ServedEndpoint) -> None:
    import torch

    from mmebench.models.compiler_script import release

    if endpoint.pytorch is not None and release(torch.__version__) > endpoint.pytorch:
        there = in_words(endpoint.pytorch)
        raise BadInputError(
            f"platform pt2 would be compiled by PyTorch {torch.__version__} here, and the endpoint's is {there}, "
            f"which may lack what code of a newer one calls; install torch {there} here, or take a newer "
            "endpoint.triton"
        )


def in_words(version: tuple[int, int]) -> str:
    """``2.12``."""
    return ".".join(map(str, version))


def check_compiled(details: Mapping[str, Any], platform: PlatformSpec, endpoint: ServedEndpoint) -> None:
    """Refuse code for a CPU, as the details of a package have it, where instances elsewhere would serve it.

    Raises:
        BadInputError: it is such code, and nobody asked for the CPU.
    """
    compiled = details.get("compiled_for", {}).get("device")
    if endpoint.instance_type is not None and compiled == "cpu" and platform.device == "gpu":
        raise BadInputError(
            f"platform {platform.kind}: the package was compiled for the CPU, and {endpoint.instance_type} has a "
            "GPU; compile it on a machine with that GPU, or say device: cpu (KIND_CPU in its config.pbtxt)"
        )
