"""Processes that are killed, or never come to an end."""

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from reliability.crowd import LOST, RIGHT, Target
from reliability.scene import BODY, Scene, make_request
from support.patience import wait_until
from support.serving import serving
from support.tiny_models import onnx_archive, python_archive, weighty_archive

_HANGING = """
import time
class TritonPythonModel:
    def initialize(self, arguments):
        time.sleep(1000)
"""


def kill_stub(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(onnx_archive(scene.folder / target.name, 1), target.name)
    scene.ask(target)
    stub = scene.stub(target)
    assert stub is not None
    stub.kill()
    return scene.heal(target)


def kill_triton(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(onnx_archive(scene.folder / target.name, 1), target.name)
    scene.ask(target)
    scene.triton().kill()
    return scene.heal(target)


def kill_triton_while_it_loads(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(weighty_archive(scene.folder / target.name, 1, load=1.0), target.name)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(scene.ask, target)
        wait_until(partial(scene.has_stub, target))
        scene.triton().kill()
        assert asked.result() != RIGHT
    return scene.heal(target)


def load_that_hangs(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(python_archive(scene.folder / "hanging.tar.gz", _HANGING), target.name)
    assert scene.ask(target) == "ModelError"
    assert "so the load was given up" in scene.tally.notes[-1]
    wait_until(lambda: scene.stub(target) is None)
    scene.put(onnx_archive(scene.folder / "good.tar.gz", 1), target.name)
    return scene.heal(target)


def kill_router(scene: Scene) -> None:
    """While it loads and while it answers; these two requests are lost, and nothing is left of it."""
    (run,) = scene.run_directories
    assert list(Path("/dev/shm").glob(f"{run.name}*"))
    loads, runs = Target("loads.tar.gz", 1), Target("runs.tar.gz", 2)
    scene.put(weighty_archive(scene.folder / loads.name, 1, load=20), loads.name)
    scene.put(weighty_archive(scene.folder / runs.name, 2, run=20), runs.name)
    with scene.connect() as waiting, scene.connect() as running:
        for connection, target in ((running, runs), (waiting, loads)):
            connection.sendall(make_request(target.name, BODY))
            wait_until(partial(scene.has_stub, target))
            time.sleep(1)
        belongings = scene.children()
        os.kill(scene.served.pid, signal.SIGKILL)
        for connection in (waiting, running):
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            scene.tally.outcomes[LOST] += 1
    wait_until(lambda: not any(process.is_running() for process in belongings))
    options = ("--container", "triton")
    with serving(scene.store, scene.folder / "next.log", *options, **scene.environment) as served:
        assert not run.exists(), "the next server removes what it left"
        assert not list(Path("/dev/shm").glob(f"{run.name}*"))
        again = Scene(served, scene.folder, scene.environment, scene.tally)
        assert again.ask(Target("bystander0.tar.gz", 100)) == RIGHT
