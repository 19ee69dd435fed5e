"""Tiny archives, made once, and one local endpoint with a real Triton that most tests share."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.spec import LocalEndpoint as Spec
from support.invocations import runtime_client
from support.serving import Serve
from support.tiny_models import onnx_archive, openvino_archive, torchscript_archive


def pytest_configure() -> None:
    """What tests, and all that they start, find in their environment."""
    # Workers of pytest share the cores: threads of a model that wait for each other would only take them away.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # What is compiled for a test runs for milliseconds, and is not worth seconds of the compiler's thought.
    os.environ.setdefault("AOT_INDUCTOR_COMPILE_WRAPPER_OPT_LEVEL", "O0")
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")
    gc.disable()  # what is imported and collected stays; looking through it takes a sixth of the time it takes
    # As in a terminal: what a shell starts in the background ignores Ctrl-C, and so would what tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Only now there is something to look through."""
    gc.freeze()
    gc.set_threshold(50_000)  # libraries that tests import and never let go are not looked through all the time
    gc.enable()


TAKING_LONGEST = [
    "e2e/test_notebooks.py",
    "reliability/test_scenarios.py",
    "e2e/test_run_from_hosts.py",
    "load/test_stay.py",
    "e2e/sagemaker/test_death.py",
    "load/test_full_disk.py",
    "e2e/sagemaker/test_one_endpoint.py",
    "load/test_web_ui.py",
    "e2e/sagemaker/test_many_endpoints.py",
    "load/test_lost_worker.py",
    "benchmark/experiments/test_experiments.py",
    "benchmark/experiments/test_changing_instances.py",
    "server/test_faults.py",
    "server/test_instances.py",
    "gpu/test_out_of_memory.py",
    "e2e/test_plan.py",
    "e2e/test_run.py",
    "load/test_process.py",
    "benchmark/test_story.py",
    "load/test_strangers.py",
    "e2e/test_runs_that_differ.py",
    "load/test_by_hand.py",
    "benchmark/test_results_directory.py",
    "models/test_aotinductor.py",
    "models/test_compiled_code.py",
    "models/test_platforms.py",
    "e2e/sagemaker/test_engine.py",
    "benchmark/experiments/test_churn.py",
]
"""Half a minute and more, longest first; those that compute in turn with those that wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take longest begin first, so that workers come to their end together."""
    turns = {Path(__file__).parent / name: turn for turn, name in enumerate(TAKING_LONGEST)}

    def turn(item: pytest.Item) -> tuple[int, list[bool]]:
        marks = ("e2e", "slow", "triton", "export", "browser")
        return turns.get(item.path, len(turns)), [mark not in item.keywords for mark in marks]

    items.sort(key=turn)


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By backend; each model adds another number, so that an answer says who gave it."""
    folder = tmp_path_factory.mktemp("archives")
    return {
        "onnx": onnx_archive(folder / "onnx.tar.gz", 1),
        "half": onnx_archive(folder / "half.tar.gz", 2, half=True),
        "pt": torchscript_archive(folder / "pt.tar.gz", 3),
        "libtorch": torchscript_archive(folder / "libtorch.tar.gz", 4, 'platform: "pytorch_libtorch"'),
        "openvino": openvino_archive(folder / "openvino.tar.gz", 5),
    }


@pytest.fixture(scope="session")
def endpoint(archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """Everything fits; no test may take it down."""
    folder = tmp_path_factory.mktemp("endpoint")
    (folder / "store").mkdir()
    with start(Spec(memory="4GiB", container="triton"), folder / "store", folder / "serve.log") as endpoint:
        for name, archive in archives.items():
            endpoint.add_targets(archive, [f"{name}.tar.gz"])
        yield endpoint


@pytest.fixture(scope="session")
def fallback(archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """The same with the Python fallback."""
    folder = tmp_path_factory.mktemp("fallback")
    (folder / "store").mkdir()
    with start(Spec(container="python"), folder / "store", folder / "serve.log") as endpoint:
        for name, archive in archives.items():
            endpoint.add_targets(archive, [f"{name}.tar.gz"])
        yield endpoint


@pytest.fixture(scope="session", params=[pytest.param("endpoint", marks=pytest.mark.triton), "fallback"])
def either(request: pytest.FixtureRequest) -> LocalEndpoint:
    """Triton and the fallback in turn: what must be the same with both."""
    found: LocalEndpoint = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def client(endpoint: LocalEndpoint) -> Any:
    return runtime_client(endpoint.url)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at no picture of their runs."""
    from support.undrawn import leave_blank

    leave_blank(monkeypatch)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Endpoints of a test's own, over ``tmp_path / "store"``; ``serve(memory="100MiB")``."""
    started: list[LocalEndpoint] = []
    store = tmp_path / "store"
    store.mkdir()

    def start_another(**options: Any) -> LocalEndpoint:
        log = tmp_path / f"serve-{len(started)}.log"
        started.append(start(Spec.model_validate({"container": "triton"} | options), store, log))
        return started[-1]

    yield start_another
    for endpoint in started:
        endpoint.close()
