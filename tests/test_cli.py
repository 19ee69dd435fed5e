import subprocess
import sys
from pathlib import Path

import click
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.errors import BadInputError


def test_a_process_that_offers_load_imports_what_it_needs() -> None:
    """Each load starts at least one, and load hosts install no more."""
    program = "import sys, mmebench.load.processes.locustfile; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"pandas", "matplotlib", "boto3", "torch", "onnxruntime", "tritonclient", "pyarrow.parquet"}
    assert heavy & set(done.stdout.split()) == set()


def test_the_process_that_leads_a_load_does_without_pandas(tmp_path: Path) -> None:
    """pyarrow would import it to make an array, before the load begins."""
    program = (
        "import sys, pathlib, mmebench.load.processes.leading\n"
        "from mmebench.load.client.recorder import Recorder\n"
        "from mmebench.load.processes.sample_stream import SampleStream\n"
        "recorder = Recorder()\n"
        "recorder.add(1, 2, 3, 4, 20, 0, 'ModelError', 400, 1)\n"
        "SampleStream(pathlib.Path('samples'), 0, ('a',), (100,)).write(recorder.take(), recorder.errors)\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "pyarrow" in done.stdout.split()
    assert "pandas" not in done.stdout.split()


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for command in cli.list_commands(click.Context(cli)):
        assert f"  {command} " in result.output
        assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0


def test_help_loads_no_heavy_library() -> None:
    script = (
        "import sys; from mmebench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout
    for heavy in ("torch", "pandas", "numpy", "pydantic", "matplotlib", "rich", "boto3", "gevent", "yaml"):
        assert f"'{heavy}'" not in done.stderr, f"{heavy} is imported for --help"


def test_an_unknown_command_is_exit_code_2() -> None:
    assert CliRunner().invoke(cli, ["benchmark"]).exit_code == 2


def test_bad_input_is_an_error_with_exit_code_2() -> None:
    result = CliRunner().invoke(cli, ["run", "no-such-spec.yaml"])
    assert isinstance(result.exception, BadInputError)
    assert result.exception.exit_code == 2
