"""A results directory in which a file was cut off or changed by hand: what is wrong is named, nothing raised."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmebench.benchmark.experiments.churn.figures import Sight, write_churn
from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.benchmark.experiments.mixes.figures import Filled, write_filled
from mmebench.benchmark.experiments.restart.figures import write_moment
from mmebench.benchmark.experiments.scale_out.figures import Held, write_course
from mmebench.cli import cli
from mmebench.endpoints.endpoint import InstanceChange
from mmebench.errors import BadInputError
from mmebench.record.layout import RunFiles
from mmebench.record.metrics import write_metrics
from mmebench.record.run import Capacity, FirstInvocation, StageWindow
from mmebench.record.sightings import Sighting, write_sightings
from mmebench.report import report as report_module
from mmebench.report.pictures import drawing
from mmebench.spec import EXPERIMENTS
from support.samples import Sample, sample_table, write_run
from support.undrawn import blank

pytestmark = pytest.mark.slow

HISTORY = (
    "Timestamp,User Count,Type,Name,Requests/s,Total Request Count,Total Failure Count,Total Median Response Time,"
    "Total Average Response Time,Total Min Response Time,Total Max Response Time\n"
    "1700000000,1,,Aggregated,5,5,0,10,10,9,12\n1700000001,1,,Aggregated,5,10,0,10,10,9,12\n"
    "1700000002,1,,Aggregated,5,15,0,10,10,9,12\n"
)
STATS = "Type,Name,Request Count\n,Aggregated,300\n"


def stages(*users: int) -> tuple[StageWindow, ...]:
    """A second and a half each."""
    return tuple(
        StageWindow(users=each, start=1.5 * n, ready=1.5 * n + 0.2, end=1.5 * (n + 1))
        for n, each in enumerate(users)
    )


def write_all(directory: Path) -> RunFiles:
    """A run with all that can be beside it."""
    table = sample_table([Sample(10 * n, 10 * n + 5, cold=n % 5 == 0) for n in range(300)])
    loads = tuple(FirstInvocation(target=f"{n}", seconds=1, memory_used=n * 2**27) for n in range(1, 4))
    capacity = Capacity(fits=3, limited_by="eviction", bytes_per_copy=2**27, memory_budget=2**33, loads=loads)
    files = write_run(directory, table, stages(1, 4), capacity=capacity)
    files.stats_history.write_text(HISTORY)
    files.stats.write_text(STATS)
    write_sightings([Sighting(n / 2, 3, 2**30, 3, 0, "1", n, n, n, n, n, n, n) for n in range(5)], files.sightings)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    row = {"at": now, "source": "a", "metric": "gpu_energy", "statistic": "g", "unit": "J", "value": 1.0}
    write_metrics([row, row], files.metrics)
    write_cold_starts(
        [ColdStart("1", 1, 1.5, 0.1, 0.1, 0.1, 1, 0.2, 0.01)] * 3, files.experiment("cold_starts").table
    )
    write_churn([Sight(n, n, "targets", 2**30, 1, 1, 1) for n in range(30)], files.experiment("churn").table)
    write_filled([Filled(1, "a", 0.5, 3), Filled(1, "b", 0.5, 3)], files.experiment("mixes").table)
    for kind, users in (("restart", (1,)), ("scale_out", (1, 4))):
        folder = files.experiment(kind).loads
        write_run(folder, table, stages(*users))
        if kind == "restart":
            write_moment(0.5, folder)
        else:
            write_course([(0.5, InstanceChange("added", 2, 0.5))], [Held(0.5, 2, 3, 4, 5)], folder)
    write_run(files.experiment("interference").loads, table, stages(1, 1))
    return files


def report(directory: Path) -> str:
    """What the command says where it refuses; nothing where it does not."""
    result = CliRunner().invoke(cli, ["report", str(directory)])
    if result.exception is None:
        return ""
    assert isinstance(result.exception, BadInputError), result.exception
    return str(result.exception)


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def lose(content: bytes) -> bytes:
    return b""


def keep_the_first_line(content: bytes) -> bytes:
    return content.partition(b"\n")[0] + b"\n"


def overwrite(content: bytes) -> bytes:
    return bytes(range(128, 256)) * 4


def change_numbers(content: bytes) -> bytes:
    return content.replace(b"1", b"x")


def cut_the_end_off(content: bytes) -> bytes:
    """Within the last row."""
    return content[:-8]


TABLES = {"churn.csv", "cold_starts.csv", "metrics.csv", "mixes.csv", "sightings.csv", "stats_history.csv"}
OF_LOADS = {"changes.csv", "held.csv"}
DAMAGES: list[tuple[Callable[[bytes], bytes], set[str]]] = [
    (cut_off, OF_LOADS | {"stats.csv"}),
    (lose, {"stats.csv"}),
    (keep_the_first_line, set()),
    (overwrite, TABLES | OF_LOADS | {"moment.csv", "stats.csv"}),
    (change_numbers, TABLES),
    (cut_the_end_off, OF_LOADS),
]
"""With the tables that can be read no more; all others are whole with fewer rows, or as if there were none."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("results") / "model"
    write_all(directory)
    return directory


def test_of_a_whole_one_all_is_shown(whole: Path) -> None:
    with blank():
        assert report(whole) == ""
    page = (whole / "report.html").read_text(encoding="utf-8")
    for kind in ("cold_starts", "churn", "mixes", "restart", "scale_out", "interference"):
        assert EXPERIMENTS.by_name[kind].title in page


@pytest.mark.parametrize(("damage", "tables"), DAMAGES)
def test_the_file_is_named(
    damage: Callable[[bytes], bytes], tables: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is damaged so that it has another meaning only is taken at its word."""
    for module in (drawing, report_module):
        monkeypatch.setattr(module, "draw_changed", lambda pictures: None)
    files = write_all(tmp_path / "model")
    of_all = [path for path in sorted(files.directory.rglob("*")) if path.suffix in (".csv", ".parquet", ".json")]
    assert len(of_all) > 12
    refused = set()
    for path in of_all:
        content = path.read_bytes()
        path.write_bytes(damage(content))
        if said := report(files.directory):
            assert path.name in said
            refused.add(path.name.rpartition("*3_")[2])
        path.write_bytes(content)
    assert report(files.directory) == ""
    assert refused == tables | {"samples.parquet"}
