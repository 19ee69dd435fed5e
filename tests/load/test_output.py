"""What commands that take long say to programs and to logs."""

import json
import subprocess
import sys
from pathlib import Path

from support.free_ports import free_ports
from support.hosts import write_spec
from support.scripted_server import OK, ScriptedServer


def test_json_on_stdout_and_progress_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "progress.log"
    with ScriptedServer(lambda n: (0.005, OK)) as server:
        spec = write_spec(
            tmp_path / "spec.yaml",
            f"http://127.0.0.1:{server.port}",
            f"127.0.0.1:{free_ports(1)[0]}",
            profile={"stages": [{"rate": 40, "duration": 3, "warmup": 1}]},
            workers=None,
        )
        command = [sys.executable, "-m", "mmebench", "load", str(spec), "--results", str(tmp_path / "results")]
        done = subprocess.run([*command, "--json", "--log-file", str(log)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    (stage,) = said["stages"]
    # On a busy machine the last ones may never be started; these are told, and none is lost.
    due = round(stage["offered_per_s"] * stage["window_seconds"])
    assert stage["Successful Requests"] + stage["not_started"] == due
    assert 60 < due <= 80
    assert stage["p99_ms"] is None, "of 80 answers there is none"
    assert (said["exit_code"], said["problems"], said["objectives"]["met"]) == (0, [], True)
    assert said["conclusions"][0].startswith("On existing, 2 targets as onnx; ")
    assert done.stderr == "", "progress goes to the log"
    assert any(line.endswith("load: measured 1 stages on 2 targets") for line in log.read_text().splitlines())
    read = subprocess.run(
        [sys.executable, "-m", "mmebench", "report", said["directory"], "--json"], capture_output=True, text=True
    )
    assert json.loads(read.stdout)["stages"] == said["stages"]
