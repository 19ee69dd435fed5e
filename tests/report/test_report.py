"""Which pictures a report consists of."""

import re
from pathlib import Path

import pytest

from mmebench import load_results
from mmebench.errors import BadInputError
from mmebench.figures.requests import Requests, read_requests
from mmebench.record.layout import CHARTS_OF_ALL, COST_CHART, DISTRIBUTION_CHART, KNEE_CHART, RunFiles
from mmebench.record.run import Capacity, Price, StageWindow, read_run
from mmebench.record.run import write_run as write_record
from mmebench.record.sightings import Sighting, write_sightings
from mmebench.report import figures
from mmebench.report.footers import footer_of, footer_of_all
from mmebench.report.report import write_report
from support.samples import Sample, sample_table, write_run

pytestmark = pytest.mark.slow

STAGES = tuple(StageWindow(users=users, start=n, ready=n, end=n + 1.0) for n, users in enumerate((1, 4, 16)))
FOREIGN = (
    "Timestamp,User Count,Name,Total Request Count,Total Failure Count,Total Average Response Time\n"
    + "".join(f"{second},20,InvokeEndpoint,{10 * second},0,25.0\n" for second in range(30))
)


def write_load(directory: Path, targets: int = 3, error: str | None = None) -> RunFiles:
    samples = [Sample(10 * n, 10 * n + 5 + n % 7, error=error) for n in range(300)]
    return write_run(directory, sample_table(samples), STAGES, targets=targets)


def pictures(directory: Path) -> set[str]:
    """Names without their ends; each is there as PNG and as SVG."""
    found = {path.stem for path in directory.glob("*.png")}
    assert found == {path.stem for path in directory.glob("*.svg")}
    return found


def test_a_load_without_more_has_pictures_of_its_latency(tmp_path: Path) -> None:
    files = write_load(tmp_path / "m")
    write_report(files.directory)
    names = {"local*pt*3_chart1", "local*pt*3_latency", "chart2", "distribution", "knee"}
    assert pictures(files.directory) == names


@pytest.mark.slow
def test_what_was_recorded_and_what_it_cost_is_drawn_too(tmp_path: Path) -> None:
    files = write_load(tmp_path / "m")
    run = read_run(files.run)
    write_record(run.model_copy(update={"price": Price(usd_per_hour=1, source="a test")}), files.run)
    write_sightings([Sighting(n, 3, 2**20, 3, 0, None) for n in range(3)], files.sightings)
    write_report(files.directory)
    assert {"local*pt*3_resources", "cost"} <= pictures(files.directory)


def test_a_picture_does_not_outlive_what_it_showed(tmp_path: Path) -> None:
    files = write_load(tmp_path / "m")
    for name in (COST_CHART, "cost.svg", files.resources_chart.name):
        (files.directory / name).write_text("of an earlier run")
    write_report(files.directory)
    assert not (files.directory / "cost.png").exists()
    assert not (files.directory / "cost.svg").exists()
    assert not files.resources_chart.exists()


def test_locusts_history_alone_has_no_latency_to_draw(tmp_path: Path) -> None:
    (tmp_path / "ml.g4dn.2xlarge*trt*42_stats_history.csv").write_text(FOREIGN)
    write_report(tmp_path)
    assert pictures(tmp_path) == {"ml.g4dn.2xlarge*trt*42_chart1", "chart2"}


def test_a_history_is_not_said_to_be_more_than_it_is(tmp_path: Path) -> None:
    (tmp_path / "ml.g4dn.2xlarge*trt*42_stats_history.csv").write_text(FOREIGN)
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    said = page[page.index("<main>") : page.index("</main>")]
    assert "10 requests/s at mean 25 ms (20 users)" in said
    assert "latency of all requests, ms" in said
    for wrong in ("nan ms", "None", "successes only", "of successes", "Retries are off"):
        assert wrong not in said, wrong
    assert re.findall(r"<figcaption><h3>(.*?)</h3>", said) == ["Throughput at 20 users", "Latency at 20 users"]
    chart1 = (tmp_path / "ml.g4dn.2xlarge*trt*42_chart1.svg").read_text(encoding="utf-8")
    assert "latency of all requests" in chart1


@pytest.mark.slow
def test_a_history_beside_samples_is_in_what_it_can_be(tmp_path: Path) -> None:
    files = write_load(tmp_path)
    (tmp_path / "ml.g4dn.2xlarge*trt*42_stats_history.csv").write_text(FOREIGN)
    write_report(tmp_path)
    assert {DISTRIBUTION_CHART, KNEE_CHART} <= {path.name for path in tmp_path.glob("*.png")}
    words = (tmp_path / "distribution.svg").read_text(encoding="utf-8")
    assert "pt on local, 3 targets" in words
    assert "trt" not in words
    assert files.latency_chart.exists()


@pytest.mark.slow
def test_a_load_that_only_failed_or_broke_is_reported(tmp_path: Path) -> None:
    failed = write_load(tmp_path / "failed", error="ModelError")
    write_report(failed.directory)
    assert pictures(failed.directory) == {"local*pt*3_chart1", "chart2"}
    write_load(tmp_path / "broken")
    broken = write_run(tmp_path / "broken", sample_table([Sample(0, 5)]), (), targets=9, complete=False)
    write_report(broken.directory)
    assert broken.latency_chart.exists(), "there was an answer, if no whole stage"


def test_a_run_that_broke_in_its_first_stage_takes_no_other_with_it(tmp_path: Path) -> None:
    price = Price(usd_per_hour=1, source="a test")
    broken = write_run(tmp_path, sample_table([Sample(0, 5)]), (), targets=9, complete=False)
    write_record(read_run(broken.run).model_copy(update={"price": price}), broken.run)
    with pytest.raises(BadInputError, match=r"no stage got to its end in local\*pt\*9"):
        write_report(tmp_path)
    whole = write_load(tmp_path)
    write_record(read_run(whole.run).model_copy(update={"price": price}), whole.run)
    killed = RunFiles(tmp_path, "local", "onnx", 3)
    killed.stats_history.touch()
    assert write_report(tmp_path).summary["targets"].tolist() == [3, 3, 3]
    text = "pt on local, 9 targets: no stage of the run got to its end"
    assert text in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert any(warning.startswith(text) for warning in load_results(tmp_path).warnings)


@pytest.mark.slow
def test_samples_are_read_once_for_all_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def read(path: Path, capacity: Capacity | None) -> Requests:
        asked.append(path)
        return read_requests(path, capacity)

    monkeypatch.setattr(figures, "read_requests", read)
    first, second = write_load(tmp_path, 3), write_load(tmp_path, 9)
    write_report(tmp_path)
    write_report(tmp_path)
    assert sorted(asked) == sorted([first.samples, second.samples])


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    files = write_load(tmp_path / "a$x^$b_{")
    write_report(files.directory)
    for name in (*CHARTS_OF_ALL, files.chart1.name, files.latency_chart.name):
        picture = files.directory / name
        if picture.exists():
            assert "a$x^$b_{" in picture.with_suffix(".svg").read_text(encoding="utf-8"), name


def test_the_footer_says_on_what_when_and_with_which_version(tmp_path: Path) -> None:
    run = read_run(write_load(tmp_path).run).model_copy(
        update={"container": "triton", "finished_at": "2026-01-02T", "spec": {"endpoint": {"kind": "local"}}}
    )
    assert footer_of(run) == "triton · of a test, 2 CPUs · mmebench 0.0 · 2026-01-02"
    other = run.model_copy(update={"container": "python", "finished_at": "2026-01-05T"})
    several = footer_of_all([run, other, None])
    assert several == (
        "triton and python · of a test, 2 CPUs · mmebench 0.0 · 2026-01-02 to 2026-01-05 · "
        "others from Locust's history"
    )
    elsewhere = run.model_copy(update={"spec": {"endpoint": {"kind": "sagemaker"}}})
    assert footer_of(elsewhere) == "triton · client on of a test, 2 CPUs · mmebench 0.0 · 2026-01-02"
    many = [run.model_copy(update={"container": str(n)}) for n in range(4)]
    assert footer_of_all(many).startswith("0 and 3 others · ")
    assert footer_of(None) == "from Locust's history; no record of the run"
