"""report.html of fleets in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from mmebench.report.report import write_report
from support.browsers import SharedPage, chromium
from support.fleets import TWO, Kind, closed_loop, many, write_fleet
from support.pages import cut_off, hard_to_read
from support.undrawn import blank

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.hacked=1>"
FLEETS = {
    "two": (TWO, closed_loop(1, 4, 16)),
    "three": ((*TWO[:1], Kind(HOSTILE, 3, 0.1, 70, "pt", cold=0.3), Kind("reviews", 6, 0.2, 40)), closed_loop(16)),
    "forty": (many(40), closed_loop(1, 16)),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=list(FLEETS))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name: str = request.param
    kinds, stages = FLEETS[name]
    directory = tmp_path_factory.mktemp("results") / name
    write_fleet(directory, kinds, stages, {"p99": 10, "models": {kinds[0].name: {"p99": 0.5}}}, price=1.0)
    with blank():
        write_report(directory)
    return directory / "report.html"


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[SharedPage]:
    page = SharedPage(browser, 1400)
    yield page
    page.close()


@pytest.fixture
def page(shared: SharedPage, report: Path) -> Iterator[Page]:
    page = shared.open(report)
    yield page
    assert page.evaluate("window.hacked") is None
    assert shared.complaints == []


def models(page: Page) -> Locator:
    return page.locator("section[aria-labelledby=models]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_can_be_read(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a Literal, from a parameter
    assert hard_to_read(page) == {}


@pytest.mark.parametrize(("width", "media"), [(1400, "screen"), (390, "screen"), (720, "print")])
def test_nothing_is_cut_off(page: Page, width: int, media: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(media=media)  # type: ignore[arg-type]  # a Literal, from a parameter
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert cut_off(page) == []


def test_a_section_has_charts_and_a_table_by_model(page: Page, report: Path) -> None:
    kinds, stages = FLEETS[report.parent.name]
    page.get_by_role("link", name="By model").click()
    over = "over users" if len(stages) > 1 else "at 16 users"
    assert models(page).locator("h3").all_inner_texts() == [
        "Memory of each model",
        "Whose the slowest answers are",
        f"Throughput of each model {over}",
        f"p50 of each model {over}",
        f"p99 of each model {over}",
        "Models",
    ]
    assert models(page).locator("tbody tr").count() == len(kinds)
    assert models(page).locator('td[data-name="model"]').first.inner_text() == kinds[0].name
    assert models(page).locator('td[data-name="its objectives"]').first.inner_text() == "held"


def test_the_first_figure_says_how_many_of_each_fit(page: Page, report: Path) -> None:
    kinds, _ = FLEETS[report.parent.name]
    fits = page.locator(".tile").first.inner_text()
    each = [f"{kind.targets - 1} {kind.name}" for kind in kinds]
    said = f"{', '.join(each[:-1])} and {each[-1]}" if len(kinds) < 40 else "40 kinds of models with 40 targets"
    assert fits.endswith(f"{said}; limited by eviction")


def test_a_kind_has_one_colour_in_all_charts(page: Page, report: Path) -> None:
    kinds, _ = FLEETS[report.parent.name]
    tips = page.evaluate(
        "[...document.querySelectorAll('section[aria-labelledby=models] .wide [data-tip]')].map(part =>"
        " [part.dataset.tip, (part.dataset.colour ?? part.closest('[data-colour]')?.dataset.colour ?? '')])"
    )
    colours: dict[str, set[str]] = {}
    for tip, colour in tips:
        colours.setdefault(re.split(r", (?=\d+ user)|: ", tip)[0], set()).add(colour)
    shown = {name: found for name, found in colours.items() if name != "budget of all targets"}
    assert len(shown) == min(len(kinds), 8)
    assert all(len(found) == 1 for found in shown.values()), shown
    assert len(set.union(*shown.values())) == len(shown)


def test_a_map_says_where_targets_were_cold(page: Page, report: Path) -> None:
    kinds, _ = FLEETS[report.parent.name]
    chart = page.locator("figure", has=page.get_by_role("heading", name="Cold requests by target and time"))
    targets = sum(kind.targets for kind in kinds)
    rows = chart.locator(".wide .hit")
    assert 0 < rows.count() <= min(targets, 60)
    chart.scroll_into_view_if_needed()
    # A page says that it was scrolled when it draws its next frame, and takes what it said of a point away.
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = rows.first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert re.fullmatch(r".+-v1\.tar\.gz( and \d+ more)?: [\d,]+ of [\d,]+ requests cold", page.inner_text("#tip"))
    assert chart.locator(".wide path[class^=heat]").count() >= 2, "some were cold and some were not"


def test_it_is_not_large(report: Path) -> None:
    assert report.stat().st_size < 6e5


def test_what_belongs_to_a_fleet_is_hidden_with_it(browser: Browser, tmp_path: Path) -> None:
    for kinds in (TWO, many(3)):
        write_fleet(tmp_path, kinds, closed_loop(1, 16))
    with blank():
        write_report(tmp_path)
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    headings = models(page).locator("figure:visible h3")
    assert headings.count() == 10
    assert models(page).locator("tbody tr:visible").count() == 5
    page.get_by_role("group", name="Runs that are shown").get_by_role("button").first.click()
    assert headings.count() == 5
    assert models(page).locator("tbody tr:visible").count() == 2, "those of the other"
    page.close()
