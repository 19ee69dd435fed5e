"""report.html in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from mmebench.record.run import Capacity, FirstInvocation, StageWindow
from mmebench.report.report import write_report
from support.browsers import SharedPage, chromium
from support.pages import cut_off, hard_to_read
from support.samples import Sample, sample_table, write_run
from support.undrawn import blank

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
    with blank():
        write_report(directory)
    return directory / "report.html"


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[SharedPage]:
    page = SharedPage(browser, 1200)
    yield page
    page.close()


@pytest.fixture
def page(shared: SharedPage, report: Path) -> Iterator[Page]:
    """The report, opened from disk without a network; whatever it complains about is an error."""
    yield shared.open(report)
    assert shared.complaints == []


def test_it_needs_no_network_and_takes_names_for_what_they_are(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.inner_text("h1").startswith(HOSTILE)
    assert page.title().startswith(HOSTILE)


def test_nothing_of_it_leads_anywhere_else(page: Page) -> None:
    """No chart uploads itself, and whoever goes through the page by keyboard meets only what there is to do."""
    hrefs = page.evaluate(
        "[...document.querySelectorAll('a, form, iframe')].map(part => part.getAttribute('href'))"
    )
    assert hrefs
    assert all(href.startswith("#") for href in hrefs)
    order = []
    for _ in range(40):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.tagName"))
    assert set(order) <= {"A", "BUTTON", "SELECT", "SUMMARY", "BODY"}
    assert page.locator("svg a, svg button, svg [tabindex]").count() == 0


def test_a_script_that_somebody_smuggles_in_is_not_run(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(report.as_uri())
    smuggled = "Object.assign(document.createElement('script'), {textContent: 'hacked=1'})"
    page.evaluate(f"document.body.append({smuggled})")
    assert page.evaluate("window.hacked") is None
    assert "Content Security Policy" in complaints[0]
    page.close()


def test_figures_come_first_then_the_verdict_and_warnings(page: Page) -> None:
    tops = [
        page.locator(part).first.bounding_box() for part in (".tile", ".verdict", ".warnings", "figure", "table")
    ]
    heights = [box["y"] for box in tops if box is not None]
    assert len(heights) == 5
    assert heights == sorted(heights)
    tiles = page.locator(".run").first.locator(".tile").all_inner_texts()
    assert tiles[0].split()[:4] == ["Models", "that", "fit", "5targets"]
    assert re.search(r"^95 %: [\d.]+ to [\d.]+; p50 [\d.]+ ms$", tiles[2].split("\n")[-1])
    assert "no price" in tiles[3]
    assert page.locator(".facts dt").all_inner_texts() == ["On", "Measured", "Objectives"]
    verdict = page.inner_text(".verdict")
    assert "this model fits 5 times as pt" in verdict
    assert "requests/s at p99" in verdict
    page.locator(".warnings summary").click()
    assert "the client itself was busy" in page.inner_text(".warnings")
    assert re.search(r"5 of 8\d\d requests failed", page.inner_text(".warnings"))


def test_a_point_says_what_it_is(page: Page) -> None:
    chart = page.locator("figure", has=page.get_by_role("heading", name="Throughput over users"))
    chart.scroll_into_view_if_needed()
    assert page.inner_text("#tip") == ""
    box = chart.locator(".wide .hit").nth(1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tips = page.inner_text("#tip").split("\n")
    assert len(tips) == 2, "both runs have a point there"
    assert all(re.fullmatch(r".*, 4 users: [\d.]+ requests/s \([\d.]+ to [\d.]+\)", text) for text in tips)
    page.locator("h1").hover()
    assert page.inner_text("#tip") == ""


def shown(page: Page, parts: str) -> set[str]:
    """The runs whose parts can be seen."""
    found: list[str] = page.evaluate(
        "parts => [...document.querySelectorAll(parts)].filter(part => part.getClientRects().length)"
        ".map(part => part.dataset.run)",
        parts,
    )
    return set(found)


EVERYWHERE = ("section.run", "figure .wide [data-run]", "tbody tr", "details[data-run]")


def test_a_run_is_hidden_at_a_click_in_charts_tables_and_tiles(page: Page) -> None:
    chip = page.get_by_role("group", name="Runs that are shown").get_by_role("button").first
    assert all(shown(page, part) == {"0", "1"} for part in EVERYWHERE)
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert [shown(page, part) for part in EVERYWHERE] == [{"1"}] * 4
    chip.press("Enter")
    assert all(shown(page, part) == {"0", "1"} for part in EVERYWHERE)


def test_runs_can_be_switched_to_a_platform_and_back(browser: Browser, tmp_path: Path) -> None:
    for platform in ("pt", "onnx"):
        for targets in (3, 9):
            samples = sample_table([Sample(10 * at, 10 * at + 20) for at in range(2900)])
            write_run(tmp_path, samples, STAGES, platform=platform, targets=targets)
    with blank():
        write_report(tmp_path)
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    switch = page.get_by_role("combobox", name="Platform", exact=True)
    switch.select_option("pt")
    assert all(shown(page, part) == {"2", "3"} for part in EVERYWHERE)
    switch.select_option("all")
    assert all(shown(page, part) == {"0", "1", "2", "3"} for part in EVERYWHERE)
    assert page.get_by_role("combobox", name="Instance type", exact=True).count() == 0, "there is only one"
    page.close()


def column(page: Page, name: str, table: str = "Stages") -> list[float]:
    """The figures below a name, from top to bottom."""
    whole = page.locator(".table", has=page.get_by_role("heading", name=table, exact=True))
    return [float(text.replace(",", "")) for text in whole.locator(f'td[data-name="{name}"]').all_inner_texts()]


def test_the_table_sorts_as_numbers_and_can_be_saved(page: Page) -> None:
    table = page.locator(".table", has=page.get_by_role("heading", name="Stages", exact=True))
    sort = table.get_by_role("button", name="p50, ms")
    assert column(page, "p50, ms") != sorted(column(page, "p50, ms"))
    ascending = sorted(column(page, "p50, ms"))
    assert len(ascending) == 6
    assert ascending != sorted(ascending, key=str), "numbers are not in the order of words"
    sort.click()
    assert column(page, "p50, ms") == ascending
    assert table.locator("th[aria-sort=ascending]").inner_text().startswith("p50, ms")
    sort.press("Enter")
    assert column(page, "p50, ms") == ascending[::-1]
    assert column(page, "failures").count(5) == 2
    with page.expect_download() as download:
        table.get_by_role("button", name="Save as CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").strip().splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("run,load,targets,requests/s")


def test_errors_and_targets_have_tables(page: Page) -> None:
    table = page.locator(".table", has=page.get_by_role("heading", name="Errors", exact=True))
    assert table.locator('td[data-name="error"]').all_inner_texts() == [IMAGE, IMAGE]
    assert column(page, "requests", "Errors") == [5, 5]
    assert column(page, "HTTP status", "Errors") == [424, 424]
    shaded = page.locator("tr.chosen")
    answered = [float(shaded.nth(at).locator('[data-name="successes"]').inner_text()) for at in range(2)]
    assert column(page, "requests", "Targets") == answered, "one target, of which no request failed in that stage"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_can_be_read(page: Page, scheme: str) -> None:
    """Contrast of at least 4.5, also of what is written in the colour of a run; no run has another colour."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a Literal, from a parameter
    for number in range(8):
        page.evaluate(
            "number => document.querySelectorAll('[data-colour]').forEach(part => part.dataset.colour = number)",
            number,
        )
        assert hard_to_read(page) == {}


def test_ten_stages_take_less_than_a_megabyte(report: Path) -> None:
    assert report.stat().st_size < 1e6


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 23, 27)")])
def test_it_is_as_light_or_dark_as_its_reader_wants(page: Page, scheme: str, paper: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a Literal, from a parameter
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_paper_is_white_also_for_who_likes_it_dark(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".switches").is_visible()


@pytest.mark.parametrize(("width", "media"), [(1400, "screen"), (390, "screen"), (720, "print")])
def test_nothing_is_cut_off(page: Page, width: int, media: str) -> None:
    """On a wide screen, on a phone and on a sheet of A4."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(media=media)  # type: ignore[arg-type]  # a Literal, from a parameter
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert cut_off(page) == []


def test_it_can_be_read_without_eyes_or_mouse(page: Page) -> None:
    for drawing in page.locator("figure svg").all():
        assert drawing.get_attribute("aria-label")
    assert page.locator("html").get_attribute("lang") == "en"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#verdict"


def test_charts_stand_two_a_row_where_there_is_room(page: Page) -> None:
    def first_two() -> tuple[float, float]:
        boxes = [page.locator("figure").nth(number).bounding_box() for number in range(2)]
        first, second = (box["y"] for box in boxes if box is not None)
        return first, second

    page.set_viewport_size({"width": 1400, "height": 900})
    first, second = first_two()
    assert first == second
    page.set_viewport_size({"width": 390, "height": 900})
    first, second = first_two()
    assert first < second
