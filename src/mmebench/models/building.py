"""What is built where it will be served: which packages are, from which export, and by what."""

from collections.abc import Callable, Iterable
from pathlib import Path

from mmebench.models.compiled_code import exported_program, package_code
from mmebench.models.device import is_compiled_there
from mmebench.models.engine import exported_platform, find_builder, package_engine
from mmebench.models.package import Package
from mmebench.spec import Fleet, ModelSource, PlatformSpec, ServedEndpoint


def is_built(model: ModelSource, platform: PlatformSpec, endpoint: ServedEndpoint) -> bool:
    """Whether serving this takes an engine, or code of a job's, that is not there yet."""
    if platform.built:
        return not model.is_ready_archive
    return is_compiled_there(model, platform, endpoint)


def count_builds(fleets: Iterable[Fleet], endpoint: ServedEndpoint) -> int:
    """How many engines and packages have to be built for these on one kind of instance."""
    return sum(is_built(kind.model, kind.platform, endpoint) for fleet in fleets for kind in fleet.kinds)


def export_form(model: ModelSource, platform: PlatformSpec, endpoint: ServedEndpoint) -> PlatformSpec:
    """What the model is exported to here: the platform itself, or what that is built from.

    Raises:
        BadInputError: this machine is to build it, and cannot.
    """
    if not is_built(model, platform, endpoint):
        return platform
    return exported_platform(platform, find_builder(endpoint)) if platform.built else exported_program(platform)


def build_package(
    exported: Package,
    platform: PlatformSpec,
    sequence_length: int,
    endpoint: ServedEndpoint,
    directory: Path,
    progress: Callable[[str], None],
) -> Package:
    """Have what :func:`is_built` built on ``endpoint``'s kind of instance, from what :func:`export_form` gave.

    Raises:
        MmebenchError: it could not be built, or cannot be written.
        CleanUpError: it is kept, and something that was made to build it is still there.
    """
    if platform.built:
        builder = find_builder(endpoint)
        return package_engine(exported, platform, sequence_length, builder, directory, progress)
    return package_code(exported, platform, sequence_length, endpoint, directory, progress)
