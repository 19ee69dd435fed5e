"""report.html in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from mmebench.record.run import Capacity, FirstInvocation, StageWindow
from mmebench.report.report import write_report
from support.browsers import chromium
from support.patience import wait_until
from support.samples import Sample, sample_table, write_run

pytestmark = pytest.mark.browser

HOSTILE = "<script>window.hacked=1<&'\""
IMAGE = "<img src=x onerror=window.hacked=1>"
"""A script that is put into a page later does not run; this does."""
STAGES = tuple(
    StageWindow(
        users=users,
        start=10.0 * n,
        ready=10.0 * n + 1,
        end=10.0 * n + 10,
        client_cpu=0.9 if n else 0.1,
        note=HOSTILE,
    )
    for n, users in enumerate((1, 4, 16))
)
DRAWN = "document.querySelectorAll('.chart.js-plotly-plot').length"


def write_results(directory: Path) -> Path:
    """Two runs of three stages."""
    capacity = Capacity(
        fits=5,
        limited_by="eviction",
        bytes_per_copy=2e8,
        memory_budget=2**30,
        loads=tuple(
            FirstInvocation(target=f"{n}", seconds=1, memory_loaded=n, memory_used=n * 200_000_000)
            for n in range(1, 6)
        ),
    )
    for targets, slow in ((3, 1.0), (9, 2.0)):
        random = np.random.default_rng(targets)
        samples = []
        for n in range(3):
            latency = random.lognormal(np.log(20 * slow * (n + 1)), 0.4, 900)
            samples += [Sample(1e4 * n + 10 * at, 1e4 * n + 10 * at + latency[at]) for at in range(900)]
        samples += [Sample(12_000, 12_001, error=IMAGE, status=424)] * 5
        write_run(
            directory,
            sample_table(samples),
            STAGES,
            targets=targets,
            capacity=capacity,
            platform=IMAGE if targets == 9 else "pt",
        )
    return directory


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = write_results(tmp_path_factory.mktemp("results") / HOSTILE)
    write_report(directory)
    return directory / "report.html"


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report, opened from disk without a network; whatever it complains about is an error."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    page.goto(report.as_uri())
    page.wait_for_selector(".js-plotly-plot .plot-container")
    page.wait_for_selector("table.dataTable tbody tr")
    yield page
    context.close()
    assert complaints == []


def test_it_needs_no_network_and_takes_names_for_what_they_are(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.inner_text("h1").startswith(HOSTILE)
    assert page.title().startswith(HOSTILE)


def test_the_verdict_comes_first_and_warnings_after_it(page: Page) -> None:
    verdict = page.inner_text(".verdict")
    assert "this model fits 5 times as pt" in verdict
    assert "requests/s at p99" in verdict
    assert "the client itself was busy" in page.inner_text(".warnings")
    assert re.search(r"5 of 8\d\d requests failed", page.inner_text(".warnings"))


def test_a_chart_shows_values_and_hides_a_run_at_a_click(page: Page) -> None:
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    point = chart.locator(".scatterlayer .point").nth(1)
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".hoverlayer .hovertext")
    assert "4 users" in (page.text_content(".hoverlayer") or "")
    assert chart.locator(".scatterlayer .trace").count() == 2
    chart.locator(".legendtoggle").first.click()
    page.wait_for_function(
        "document.querySelector('.js-plotly-plot').querySelectorAll('.scatterlayer .trace').length == 1"
    )


def test_charts_can_be_switched_to_a_platform_and_back(browser: Browser, tmp_path: Path) -> None:
    for platform in ("pt", "onnx"):
        samples = sample_table([Sample(10 * at, 10 * at + 20) for at in range(2900)])
        write_run(tmp_path, samples, STAGES, platform=platform)
    write_report(tmp_path)
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector(".js-plotly-plot .plot-container")
    lines = "[...document.querySelectorAll('.js-plotly-plot')].map(chart => chart.data.map(line => line.meta))"
    both = ["onnx on local, 3 targets", "pt on local, 3 targets"]
    assert page.evaluate(lines)[0] == both
    switch = page.get_by_role("combobox", name="Platform", exact=True)
    switch.select_option("pt")
    assert all(set(chart) == {both[1]} for chart in page.evaluate(lines))
    page.locator(".chart").last.scroll_into_view_if_needed()
    page.wait_for_function(f"{DRAWN} == document.querySelectorAll('.chart').length")
    assert all(set(chart) == {both[1]} for chart in page.evaluate(lines)), "those that are drawn only now, too"
    switch.select_option("all")
    assert all(set(chart) == set(both) for chart in page.evaluate(lines))
    assert page.get_by_role("combobox", name="Instance type", exact=True).count() == 0, "there is only one"
    page.close()


def test_a_chart_is_drawn_when_its_reader_comes_near(page: Page) -> None:
    charts = page.locator(".chart")
    assert page.evaluate(DRAWN) < charts.count(), "not before"
    charts.last.scroll_into_view_if_needed()
    charts.last.locator(".plot-container").wait_for()


def test_on_paper_all_charts_are_there(page: Page) -> None:
    page.pdf()
    page.wait_for_function(f"{DRAWN} == document.querySelectorAll('.chart').length")


def test_the_table_sorts_as_numbers_and_can_be_exported(page: Page) -> None:
    def column(name: str) -> list[float]:
        titles = [title.strip() for title in page.locator("table.dataTable thead th").all_inner_texts()]
        at = titles.index(name) + 1
        return [
            float(text) for text in page.locator(f"table.dataTable tbody td:nth-child({at})").all_inner_texts()
        ]

    sort = page.get_by_role("button", name="p50, ms")
    assert column("p50, ms") != sorted(column("p50, ms"))
    ascending = sorted(column("p50, ms"))
    assert len(ascending) == 6
    sort.click()
    wait_until(lambda: column("p50, ms") == ascending, 10)
    sort.click()
    wait_until(lambda: column("p50, ms") == ascending[::-1], 10)
    assert column("failures").count(5) == 2
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert len(text.strip().splitlines()) == 7


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 24, 28)")])
def test_it_is_as_light_or_dark_as_its_reader_wants(page: Page, scheme: str, paper: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a Literal, from a parameter
    for part in ("body", "table.dataTable tbody td"):
        shown = page.evaluate(f"getComputedStyle(document.querySelector('{part}')).backgroundColor")
        # A cell of the light table is as its page.
        assert shown == paper or (part != "body" and scheme == "light" and shown == "rgba(0, 0, 0, 0)")


def test_it_fits_a_phone_and_can_be_read_without_eyes_or_mouse(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for figure in page.locator("figure").all():
        assert figure.get_attribute("aria-label")
    assert page.locator("html").get_attribute("lang") == "en"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#charts"
