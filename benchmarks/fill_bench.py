"""How long it takes to fill an endpoint of 40 targets that take 2 s to load: four at once, against one at a time.

A real Triton, whose Python backend waits; the capacity found is to be the same.
"""

import tempfile
import time
from functools import partial
from itertools import islice
from pathlib import Path

from harness import in_turns, publish, times_better
from mmebench.benchmark.filling import fill
from mmebench.benchmark.growth import Growth
from mmebench.benchmark.kind import Copy, PackagedKind, in_proportion
from mmebench.endpoints.local import start
from mmebench.formats.tensors import TensorSpec
from mmebench.load.payload.payload import Body
from mmebench.models.package import Package
from mmebench.spec import PLATFORMS, Kind, LocalEndpoint, MemberTargets, Payload, Uniform
from mmebench.spec.sources import TimmModel
from mmebench.wire.runtime import RuntimeClient
from sleeping_model import make_archive

ROUNDS = 2
AT_ONCE = 4
MEMORY = "3700MiB"
"""Of which a copy takes some 90 MiB."""

X = TensorSpec(name="x", datatype="FP32", shape=(4,))
BODY = Body(
    b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}', "application/json"
)


def main() -> None:
    """One line: seconds of a fill."""
    fits: dict[int, set[int]] = {1: set(), AT_ONCE: set()}
    with tempfile.TemporaryDirectory() as scratch:
        kind = waiting(Path(scratch))

        def measure(at_once: int) -> float:
            with tempfile.TemporaryDirectory() as folder:
                seconds, found = fill_endpoint(kind, at_once, Path(folder))
            fits[at_once].add(found)
            return seconds

        runs = in_turns(ROUNDS, {f"{count} at once": partial(measure, count) for count in fits})
    alone, together = (" or ".join(map(str, sorted(found))) for found in fits.values())
    figure = f"fill, 2 s a load, {AT_ONCE} at once, {together} fit"
    against = f"one at a time, {alone} fit"
    ours, theirs = runs[f"{AT_ONCE} at once"], runs["1 at once"]
    publish("fill", [times_better(figure, "s", ours, against, theirs, 3.0, lambda seconds: seconds)])


def waiting(folder: Path) -> PackagedKind:
    """A model that takes two seconds to load."""
    archive = make_archive(folder, "waiting", mebibytes=80, load=2)
    package = Package(
        model="waiting",
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
    asked = Kind(
        None,
        TimmModel(source="timm", name="waiting"),
        PLATFORMS.read({"kind": "onnx"}),
        MemberTargets(),
        1.0,
        Uniform(),
        Payload(),
    )
    return PackagedKind(asked, package, BODY, Growth(BODY))


def fill_endpoint(kind: PackagedKind, at_once: int, folder: Path) -> tuple[float, int]:
    """Seconds that it took, and how many fit."""
    spec = LocalEndpoint.model_validate({"memory": MEMORY, "container": "triton", "load_concurrency": at_once})
    (folder / "store").mkdir()
    with start(spec, folder / "store", folder / "serve.log") as endpoint:
        client = RuntimeClient(endpoint)

        def invoke(copy: Copy) -> None:
            client.invoke(copy.target, *BODY)

        began = time.perf_counter()
        capacity = fill(endpoint, islice(in_proportion([kind]), 60), invoke, invoke, None, lambda load: None)
        return time.perf_counter() - began, capacity.fits


if __name__ == "__main__":
    main()
