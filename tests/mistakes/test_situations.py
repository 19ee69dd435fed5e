"""What goes wrong around mmebench, driven for real: each ends with one message and no traceback."""

import ast
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
TESTS = HERE.parent
SITUATIONS: dict[str, str] = yaml.safe_load((HERE / "situations.yaml").read_text(encoding="utf-8"))

RUN = "model: {source: timm, name: resnet18, weights: random}\nplatforms: [pt]\n"
LOAD = """
endpoint: {kind: existing, name: e, targets: [a.tar.gz]}
model: {name: m, platform: onnx, inputs: [{name: x, datatype: FP32, shape: [4]}]}
workload: {profile: [{users: 1, duration: 2s}]}
"""
SAGEMAKER = RUN + "endpoint: {kind: sagemaker, instance_type: ml.g5.xlarge}\n"
SIGN_ON = """
[profile mine]
sso_start_url = https://example.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = role
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with specs that are right, and no AWS but what a test gives it."""
    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "load.yaml").write_text(LOAD)
    (tmp_path / "packaged.yaml").write_text(
        "endpoint: {kind: existing, name: e, targets: [a.tar.gz]}\nmodel: {package: run.yaml}\n"
    )
    (tmp_path / "wrong.yaml").write_text(RUN.replace("weights", "wäights"), encoding="utf-8")
    (tmp_path / "sagemaker.yaml").write_text(SAGEMAKER)
    (tmp_path / "config").write_text(SIGN_ON)
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MMEBENCH_"))}
    return kept | {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_STATE_HOME": str(folder / "state"),
        **more,
    }


COMMAND = [sys.executable, "-m", "mmebench"]


@pytest.mark.parametrize(
    ("command", "more", "code", "said"),
    [
        ("run run.yaml --results run.yaml/here", {}, 2, "run.yaml/here: Not a directory; give a folder that can"),
        ("load load.yaml --results run.yaml", {}, 2, "is a file"),
        ("package run.yaml -o run.yaml/here", {}, 2, "run.yaml/here: Not a directory; give a folder that can"),
        ("run wrong.yaml", {"PYTHONIOENCODING": "ascii"}, 2, "unknown key; allowed: name, num_classes"),
        ("load packaged.yaml", {}, 2, "model.package: run.yaml: not the record of a package; package the model"),
        ("load load.yaml", {}, 2, "no AWS credentials found; set AWS_PROFILE (endpoint.profile in a spec)"),
        ("run sagemaker.yaml", {}, 2, "no AWS credentials; set AWS_PROFILE"),
        ("clean --region us-east-1", {}, 2, "no AWS credentials; set AWS_PROFILE"),
        ("load load.yaml", {"AWS_PROFILE": "mine"}, 2, "run `aws sso login --profile mine`"),
        ("load load.yaml --set endpoint.profile=mine", {}, 2, "run `aws sso login --profile mine`"),
        ("run sagemaker.yaml --set endpoint.profile=mine", {}, 2, "run `aws sso login --profile mine`"),
        ("clean --region us-east-1 --profile mine", {}, 2, "run `aws sso login --profile mine`"),
        ("load load.yaml --set endpoint.profile=yours", {}, 2, "profile (yours) could not be found; correct"),
        ("clean --region us-east-1", KEYS | {"AWS_ENDPOINT_URL": "nonsense"}, 2, "Invalid endpoint: nonsense;"),
    ],
)  # fmt: skip
def test_a_command_says_what_is_wrong(
    command: str, more: dict[str, str], code: int, said: str, folder: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, *command.split()],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stderr.count("mmebench: ") + done.stderr.count("Error: ")) == (code, 1), (
        done.stderr
    )
    assert said in done.stderr


def test_output_onto_a_full_disk(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "check", "run.yaml"], cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        3,
        "mmebench: output: No space left on device; see whether it can be read and written",
    )


def test_output_that_nobody_takes(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "check", "run.yaml"], cwd=folder, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writer)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"import os; os.rmdir({str(gone)!r}); from mmebench.cli import main; main()"
    for command in (["serve", "."], ["run", "spec.yaml"]):
        gone.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", program, *command], cwd=gone, capture_output=True, text=True, timeout=60
        )
        assert done.returncode in (2, 3), done.stderr
        assert "Traceback" not in done.stderr
        assert "No such file or directory" in done.stderr


class Stranger(BaseHTTPRequestHandler):
    """AWS, to which the credentials say nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"__type": "UnrecognizedClientException", "message": "The security token is invalid."}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def stranger() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_credentials_that_aws_does_not_know(stranger: str, folder: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "clean", "--region", "us-east-1"],
        cwd=folder,
        env=environment(folder, **KEYS, AWS_ENDPOINT_URL=stranger),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert "the credentials are not valid; check AWS_PROFILE, or run aws configure" in done.stderr
    assert "Traceback" not in done.stderr


def test_forty_are_driven_and_each_by_a_test_that_there_is() -> None:
    assert len(SITUATIONS) >= 40
    defined: dict[str, set[str]] = {}
    for where in SITUATIONS.values():
        file, _, name = where.partition("::")
        if file not in defined:
            tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
            defined[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in defined[file], where
