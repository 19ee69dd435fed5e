"""What is done once a second, and what a person is told when it fails; in a process of its own, as Locust has."""

import json
import subprocess
import sys

PROGRAM = """
from locust import User  # before anything else: it changes how sockets wait
from types import SimpleNamespace
import gevent.event
from mmebench.errors import MmebenchError
from mmebench.load.processes.events import EventWriter
from mmebench.load.processes.every_second import every_second

def fail():
    raise MmebenchError("the credentials have expired")

ended = gevent.event.Event()
runner = SimpleNamespace(environment=SimpleNamespace(process_exit_code=None), quit=ended.set)
every_second(runner, fail, EventWriter(1))
assert ended.wait(30)
raise SystemExit(runner.environment.process_exit_code)
"""


def test_whoever_wanted_the_load_is_told_why_it_ended() -> None:
    """As when credentials cannot be renewed any more."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout) == {"broken": {"reason": "the credentials have expired"}}
