"""Kinds of models as a benchmark has them once they are packaged."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mmebench.benchmark.growth import Growth
from mmebench.benchmark.kind import Copy, PackagedKind, in_proportion
from mmebench.formats.tensors import TensorSpec
from mmebench.load.payload.payload import Body
from mmebench.models.package import Package
from mmebench.spec import PLATFORMS, Kind, MemberTargets, Payload, Uniform
from mmebench.spec.sources import TimmModel

X = TensorSpec(name="x", datatype="FP32", shape=(4,))
BODY = Body(b"", "text/plain")


def packaged(archive: Path, name: str | None = None, requests: float = 1.0, **targets: Any) -> PackagedKind:
    """A kind of model whose archive is ``archive``, as a fleet calls it; ``m`` where it is in none."""
    package = Package(
        model="m",
        source="timm",
        task="cv",
        platform="onnx",
        precision="fp32",
        weights="random",
        parameters=None,
        inputs=(X,),
        outputs=(X,),
        max_batch_size=8,
        archive=archive,
        sha256="",
        parity=None,
        details={},
    )
    model = TimmModel(source="timm", name="m")
    platform = PLATFORMS.read({"kind": "onnx"})
    kind = Kind(name, model, platform, MemberTargets(**targets), requests, Uniform(), Payload())
    return PackagedKind(kind, package, BODY, Growth(BODY))


def copies(archive: Path, count: int) -> Iterator[Copy]:
    """So many of one model, ``m-v0.tar.gz`` and so on."""
    return islice(in_proportion([packaged(archive)]), count)
