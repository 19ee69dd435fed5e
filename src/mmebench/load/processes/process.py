"""The Locust process: started with a job, listened to while it runs, stopped whatever happens."""

import math
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from mmebench.errors import BadInputError, MmebenchError
from mmebench.load.client.client import parse_address
from mmebench.load.client.credentials import find_credentials
from mmebench.load.job import LoadJob
from mmebench.load.processes.connections import allow_connections
from mmebench.load.processes.events import Broken, Gathering, Live, Over, read_event
from mmebench.load.processes.token import hand_over, token_of
from mmebench.record.run import FailedAlike, StageWindow
from mmebench.scratch import scratch

_LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_SILENCE_SECONDS = 120.0
"""Locust reports every second; after this long without a word it is taken for dead."""
_QUIT_SECONDS = 10.0
"""A load that broke has so long to end by itself, with what its client processes have recorded."""


def offer_load(
    job: LoadJob,
    csv_prefix: Path,
    log: Path,
    look: Callable[[Live], object],
    on_stage: Callable[[StageWindow], object],
    on_gathering: Callable[[Gathering], object] = lambda gathering: None,
) -> tuple[FailedAlike, ...]:
    """Run the job to its end; samples and Locust's CSV files are on disk then.

    Args:
        job: what to ask of which endpoint.
        csv_prefix: Locust writes ``<prefix>_stats.csv``, ``_stats_history.csv``, ``_failures.csv`` and
            ``_exceptions.csv``.
        log: Locust's own output is appended here.
        look: called about once a second with what the load is like.
        on_stage: called with each stage that is over.
        on_gathering: called about once a second while the load waits for client processes of other hosts.

    Returns:
        What answers said that came after the last stage and failed.

    Raises:
        BadInputError: the job cannot work; nothing was started.
        MmebenchError: Locust ended with an error or stopped talking; what it had recorded is on disk.
    """
    job.check()
    allow_connections(job.workload)
    if job.pages is not None:
        check_web_port(job.pages.port)
    parse_address(job.url, job.ca)
    find_credentials(job.url, job.profile)()
    workers = job.workload.workers
    # Nobody else on this host shall join, either.
    token = secrets.token_hex(32) if workers is None else token_of(workers)
    stages = 0
    over: Over | None = None
    gathering: Gathering | None = None
    broken: Broken | None = None
    with scratch(Path(tempfile.gettempdir()), "mmebench-load-") as folder, log.open("ab") as output:
        job_file = folder / "job.json"
        job_file.write_text(job.model_dump_json(), encoding="utf-8")
        read_end, write_end = os.pipe()
        try:
            process = subprocess.Popen(
                _command(csv_prefix, job),
                env=hand_over(token) | {"MMEBENCH_JOB": str(job_file), "MMEBENCH_EVENTS": str(write_end)},
                pass_fds=[write_end],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal reaches us alone; we stop Locust in our own time.
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        try:
            for line in _lines(read_end):
                event = read_event(line)
                match event:
                    case Gathering():
                        gathering = event
                        on_gathering(event)
                    case Live():
                        gathering = None
                        look(event)
                    case StageWindow():
                        stages += 1
                        on_stage(event)
                    case Over():
                        over = event
                    case Broken():
                        broken = event
                        break
            status = _wait(process, _SILENCE_SECONDS if broken is None else _QUIT_SECONDS)
        finally:
            os.close(read_end)
            stop(process)
            if _has_workers(job):
                _stop_workers(process)
    if status != 0 and gathering is not None and workers is not None:
        raise MmebenchError(
            f"{gathering.there} after {workers.wait:g} s; start the others with "
            f"`mmebench worker {workers.listen}`, ask for fewer, or set workload.workers.wait to wait longer"
        )
    if status != 0 or over is None:
        planned = len(job.workload.stages)
        ended = "killed" if status is None else f"Locust's exit code {status}"
        raise MmebenchError(
            f"the load stopped after {stages} of {planned or 'its search for'} stages "
            f"({ended if broken is None else broken.reason}); its output is in {log}"
        )
    return over.failures


def check_web_port(port: int) -> None:
    """Raises BadInputError: somebody else listens there."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise BadInputError(
            f"the web UI cannot listen on port {port}: {os.strerror(error.errno or 0)}; "
            "choose another one with --ui-port"
        ) from None


def _has_workers(job: LoadJob) -> bool:
    """Whether the load is offered by processes of their own on this host.

    With a web UI always: whoever looks at its pages does not disturb what is measured.
    """
    workload = job.workload
    return workload.workers is None and (workload.processes > 1 or job.pages is not None)


def _command(csv_prefix: Path, job: LoadJob) -> list[str]:
    workload = job.workload
    options = ["--headless", "--only-summary", "--csv-full-history", "--exit-code-on-error", "0"]
    # Requests under way when users are stopped are answered, not cut off.
    options += ["--stop-timeout", str(math.ceil(workload.timeout))]
    if workload.workers is not None:
        host, port = workload.workers.address
        options += ["--master", "--master-bind-host", host, "--master-bind-port", port]
        options += ["--expect-workers", str(workload.workers.count)]
        options += ["--expect-workers-max-wait", str(math.ceil(workload.workers.wait))]
    elif _has_workers(job):
        port = str(_free_port())
        options += ["--processes", str(workload.processes)]
        options += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        options += ["--master-host", "127.0.0.1", "--master-port", port]
    return locust("--csv", str(csv_prefix), *options)


def locust(*options: str) -> list[str]:
    """The command that starts Locust with the load's locustfile and these options."""
    return [sys.executable, "-m", "mmebench.load.processes.start", "-f", str(_LOCUSTFILE), *options]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _lines(descriptor: int) -> Iterator[str]:
    """The lines that come through the pipe, until its other end is closed."""
    rest = b""
    while True:
        readable, _, _ = select.select([descriptor], [], [], _SILENCE_SECONDS)
        if not readable:
            raise MmebenchError(f"the load process said nothing for {_SILENCE_SECONDS:g} s and was stopped")
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    """Its exit code, or None where it has not ended by then."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(timeout=seconds)
    return None


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process if it has not ended: first asked, then killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _stop_workers(process: "subprocess.Popen[bytes]") -> None:
    """End what the process, whose session they are in, left of its workers when it was killed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
