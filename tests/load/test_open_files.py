"""Each user needs a connection, and a process may not have any number of open files."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmebench.record.samples import keep_samples, read_samples
from support.load_run import make_job
from support.scripted_server import OK, ScriptedServer

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from pathlib import Path
from mmebench.cli.options import say
from mmebench.errors import MmebenchError
from mmebench.load.job import LoadJob
from mmebench.load.processes.process import offer_load
job = LoadJob.model_validate_json(Path(sys.argv[1]).read_bytes())
folder = Path(sys.argv[1]).parent
try:
    offer_load(job, folder / "local*pt*3", folder / "load.log", lambda live: live, lambda stage: None)
except MmebenchError as error:
    say(error)
    sys.exit(error.exit_code)
"""


def offer(
    folder: Path, port: int, users: int, processes: int, soft: int, hard: int, **more: object
) -> "subprocess.CompletedProcess[str]":
    workload = {"processes": processes, "profile": {"stages": [{"users": users, "duration": 2}]}} | more
    (folder / "job.json").write_text(make_job(port, folder / "samples.arrows", workload).model_dump_json())
    command = [sys.executable, "-c", LIMITED.format(soft=soft, hard=hard), str(folder / "job.json")]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)


@pytest.mark.parametrize(("users", "processes"), [(400, 1), (800, 2)])
def test_too_few_are_refused_before_anything_starts(tmp_path: Path, users: int, processes: int) -> None:
    done = offer(tmp_path, 9, users, processes, 200, 600)
    assert done.returncode == 2, done.stderr
    assert (
        f"need {400 + 256} open files in each; this system allows 600. Ask for {344 * processes} users"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "load.log").exists()


def test_a_load_for_other_hosts_begins_only_where_strangers_leave_files_to_it(tmp_path: Path) -> None:
    workers = {"listen": "127.0.0.1:9", "count": 1}
    done = offer(tmp_path, 9, 10, 1, 200, 4095, workers=workers)
    assert done.returncode == 2, done.stderr
    assert "workload.workers: got 4095 open files that this system allows a process; allowed: 4096" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "load.log").exists()


@pytest.mark.slow
def test_the_soft_limit_is_raised(tmp_path: Path) -> None:
    """Locust itself raises it to 10,000 only, and not at all where that is over the hard limit."""
    with ScriptedServer(lambda n: (0.2, OK)) as server:
        done = offer(tmp_path, server.port, 300, 1, 100, 700)
        assert done.returncode == 0, done.stderr + (tmp_path / "load.log").read_text()
        assert server.connections >= 300
    keep_samples(tmp_path / "samples.arrows", tmp_path / "samples.parquet")
    samples = read_samples(tmp_path / "samples.parquet")
    assert samples["error"].null_count == len(samples)
