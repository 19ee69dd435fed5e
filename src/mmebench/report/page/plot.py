"""A chart of report.html: an SVG drawing that its page gives its colours to.

Whatever belongs to a run has its number as ``data-run``, by which the page colours and hides it; what belongs to a
kind of model has its colour, and a point has what it says as ``data-tip``. There is no ``style`` and no colour in
it, so that it suits white, black and paper.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from mmebench.report.page.axis import Axis
from mmebench.report.palette import COLOURS

_NARROW_LETTERS, _WIDE_LETTERS = frozenset("ijl.,:;'|!() []/-ft1r"), frozenset("mwMWQO@%<>=+~…≥")
_LETTER, _BOLD = 7.7, 8.6
"""The width of a letter that is neither, in the widest font of 12 px that a page is likely to have."""
_MOST_BESIDE = 0.34
"""Of a drawing, for what is written beside the ends of its lines."""
_INSET = 14.0
"""From the frame to the first and the last point of what does not begin at zero."""
_LINE = 15.0
"""The least distance between two labels."""


class Size(NamedTuple):
    """Of a drawing, in pixels."""

    width: int
    height: int


WIDE, NARROW = Size(640, 330), Size(344, 256)
"""Each chart is drawn for half of a wide page, and for a phone or half of a sheet: its letters stay as large."""


class Mark(NamedTuple):
    """A point, and what it says when somebody looks at it."""

    x: float
    y: float
    tip: str


class Label(NamedTuple):
    """What is written beside the end of a line."""

    run: int
    x: float
    y: float
    name: str
    """Of the run; empty where there is only one."""
    kind: str = ""
    """Which of its lines."""

    @property
    def text(self) -> str:
        """``onnx p99``."""
        return f"{self.name} {self.kind}".strip()


def width_of(text: str, bold: bool = False) -> float:
    """Of a text in a drawing, in pixels; rather too much."""
    return sum(_width_of_letter(letter) for letter in text) * (_BOLD if bold else _LETTER)


def _width_of_letter(letter: str) -> float:
    if letter in _NARROW_LETTERS:
        return 0.6
    return 1.45 if letter in _WIDE_LETTERS else 1.0


def shorten(text: str, width: float) -> str:
    """As much of a bold text as there is room for."""
    if width_of(text, bold=True) <= width:
        return text
    while text and width_of(f"{text}…", bold=True) > width:
        text = text[:-1]
    return f"{text}…"


def of_run(run: int | None) -> str:
    """The attributes of what belongs to a run, from 0: its colour, and dashes where a colour comes again."""
    if run is None:
        return ""
    return f' data-run="{run}" data-colour="{run % len(COLOURS)}" data-dashes="{run // len(COLOURS) % 3}"'


def of_kind(number: int | None) -> str:
    """The attributes of what belongs to a kind of model, from 0: its colour."""
    return "" if number is None else f' data-colour="{number % len(COLOURS)}"'


@dataclass
class Plot:
    """A drawing with two axes, to which lines, bands and labels are added."""

    size: Size
    x: Axis
    y: Axis
    labels: Sequence[Label] = ()
    """Beside the ends of lines, where there is room for all of them: colours say it, too."""
    of: Callable[[int | None], str] = of_run
    """The attributes of what is drawn, by the number that it is given: that of a run, or of a kind of model."""

    def __post_init__(self) -> None:
        self._parts: list[str] = []
        self._top = 14.0
        self._bottom = self.size.height - 42.0
        if len(self.labels) * _LINE > self._bottom - self._top + _LINE:
            self.labels = ()
        self._left = 14.0 + max(width_of(text) for text in self.y.texts)
        self._above: list[tuple[int, str, float, float]] = []
        if self._beside_width() > _MOST_BESIDE * self.size.width:
            self._name_above()
        self._right = self.size.width - max(self._beside_width(), 16)

    def _beside_width(self) -> float:
        return max((width_of(label.text, bold=True) + 14 for label in self.labels), default=0.0)

    def _name_above(self) -> None:
        """The runs in lines of their own, where their names have no room beside the ends of lines."""
        x, y = 8.0, self._top
        for run, name in {label.run: label.name for label in self.labels}.items():
            if x + width_of(name, bold=True) > self.size.width and x > 8:
                x, y = 8.0, y + _LINE
            self._above.append((run, shorten(name, self.size.width - x), x, y))
            x += width_of(name, bold=True) + 12
        self._top = y + 16
        self.labels = [label._replace(name="") for label in self.labels if label.kind]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a value is, in pixels."""
        inset = 0.0 if self.x.ticks.low == 0 else _INSET
        across = self._left + inset + self.x.share(x) * (self._right - self._left - 2 * inset)
        return across, self._bottom - self.y.share(y) * (self._bottom - self._top)

    def _path(self, points: Iterable[tuple[float, float]]) -> str:
        """Through all of them; interrupted where one is not known."""
        path, pen = "", "M"
        for x, y in points:
            if math.isnan(x) or math.isnan(y):
                pen = "M"
                continue
            across, up = self.at(x, y)
            path += f"{pen}{across:.1f} {up:.1f}"
            pen = "L"
        return path

    def line(self, points: Iterable[tuple[float, float]], run: int | None, kind: str = "") -> None:
        """``kind`` is a class of the page's style: ``thin``, ``dotted`` or nothing."""
        self._parts.append(f'<path class="line {kind}"{self.of(run)} d="{self._path(points)}"/>')

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], run: int) -> None:
        """Between two lines; without the points of which either is not known."""
        known = [
            each for each in zip(x, low, high, strict=True) if not (math.isnan(each[1]) or math.isnan(each[2]))
        ]
        if len(known) > 1:
            there = [(at, up) for at, _, up in known]
            back = [(at, down) for at, down, _ in reversed(known)]
            self._parts.append(f'<path class="band"{self.of(run)} d="{self._path([*there, *back])}Z"/>')

    def upright(
        self, x: float, low: float, high: float, run: int, width: float = 1.5, kind: str = "whisker"
    ) -> None:
        """A bar or, where it is thin, the interval of a point."""
        (across, top), (_, bottom) = self.at(x, high), self.at(x, low)
        self._parts.append(
            f'<rect class="{kind}"{self.of(run)} x="{across - width / 2:.1f}" y="{top:.1f}" width="{width:g}" '
            f'height="{max(bottom - top, 1):.1f}"/>'
        )

    def marks(self, marks: Iterable[Mark], run: int, shown: bool = True) -> None:
        """Points that say something; those not shown do so where they would be."""
        for mark in marks:
            if not (math.isnan(mark.x) or math.isnan(mark.y)):
                across, up = self.at(mark.x, mark.y)
                place = f'cx="{across:.1f}" cy="{up:.1f}"'
                dot = f'<circle class="dot" {place} r="3.5"/>' if shown else ""
                tip = escape(mark.tip, quote=True)
                self._parts.append(
                    f'<g{self.of(run)}>{dot}<circle class="hit" {place} r="11" data-tip="{tip}"/></g>'
                )

    def ring(self, x: float, y: float, run: int, text: str) -> None:
        """The point that an engineer would choose, named."""
        if math.isnan(x) or math.isnan(y):
            return
        across, up = self.at(x, y)
        above = up - 14 > self._top
        anchor, shift = ("end", -2) if across + width_of(text, bold=True) / 2 > self._right else ("middle", 0)
        if across - width_of(text, bold=True) / 2 < self._left:
            anchor, shift = "start", 2
        self._parts.append(
            f'<g{self.of(run)}><circle class="ring" cx="{across:.1f}" cy="{up:.1f}" r="8"/>'
            f'<text class="chosen" x="{across + shift:.1f}" y="{up - 13 if above else up + 22:.1f}" '
            f'text-anchor="{anchor}">{escape(text)}</text></g>'
        )

    def level(self, y: float, text: str, run: int | None = None, kind: str = "objective") -> None:
        """A value that holds all along, as an objective does."""
        if self.y.ticks.low <= y <= self.y.ticks.high:
            _, up = self.at(self.x.ticks.low, y)
            above = up - 5 if up - 16 > self._top else up + 13
            self._parts.append(
                f'<g{self.of(run)}><path class="{kind}" d="M{self._left:.1f} {up:.1f}H{self._right:.1f}"/>'
                f'<text class="{kind}" x="{self._left + 4:.1f}" y="{above:.1f}">{escape(text)}</text></g>'
            )

    def stretch(self, start: float, end: float, text: str, kind: str) -> None:
        """A time of its own: ``kind`` is ``stage``, whose name stands above it, or ``warmup``."""
        (left, _), (right, _) = self.at(start, self.y.ticks.low), self.at(end, self.y.ticks.low)
        if kind == "warmup":
            self._parts.append(
                f'<rect class="warmup" x="{left:.1f}" y="{self._top}" width="{max(right - left, 0):.1f}" '
                f'height="{self._bottom - self._top:.1f}"/>'
            )
            return
        self._parts.append(f'<path class="stage" d="M{left:.1f} {self._top}V{self._bottom}"/>')
        if width_of(text) < right - left:
            self._parts.append(
                f'<text class="tick" x="{(left + right) / 2:.1f}" y="{self._top - 3}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )

    def svg(self, about: str) -> str:
        """The whole of it; ``about`` is said to who cannot see it."""
        width, height = self.size
        return (
            f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(about, quote=True)}">'
            f"{''.join(self._frame())}{''.join(self._parts)}{''.join(self._beside())}</svg>"
        )

    def _frame(self) -> Iterable[str]:
        for value, text in zip(self.y.ticks.at, self.y.texts, strict=True):
            _, up = self.at(self.x.ticks.low, value)
            yield f'<path class="grid" d="M{self._left:.1f} {up:.1f}H{self._right:.1f}"/>'
            place = f'x="{self._left - 6:.1f}" y="{up + 4:.1f}"'
            yield f'<text class="tick" {place} text-anchor="end">{escape(text)}</text>'
        free = -math.inf
        for value, text in zip(self.x.ticks.at, self.x.texts, strict=True):
            across, _ = self.at(value, self.y.ticks.low)
            yield f'<path class="grid" d="M{across:.1f} {self._bottom:.1f}v4"/>'
            left = across - width_of(text) / 2
            if left > free:
                free = left + width_of(text) + 4
                yield (
                    f'<text class="tick" x="{across:.1f}" y="{self._bottom + 17:.1f}" text-anchor="middle">'
                    f"{escape(text)}</text>"
                )
        yield f'<path class="axis" d="M{self._left:.1f} {self._bottom:.1f}H{self._right:.1f}"/>'
        middle = (self._left + self._right) / 2
        yield (
            f'<text class="name" x="{middle:.1f}" y="{self._bottom + 35:.1f}" text-anchor="middle">'
            f"{escape(self.x.name)}</text>"
        )

    def _beside(self) -> Iterable[str]:
        """Each label as near to the end of its line as the others let it, with a hair between the two."""
        for run, name, left, top in self._above:
            yield (
                f'<g{self.of(run)}><text class="label" x="{left:.1f}" y="{top - 2:.1f}">{escape(name)}</text></g>'
            )
        placed = sorted(((self.at(label.x, label.y), label) for label in self.labels), key=lambda each: each[0][1])
        heights = spread([up for (_, up), _ in placed], self._top, self._bottom)
        for ((across, up), label), height in zip(placed, heights, strict=True):
            x = self._right + 10
            hair = ""
            if abs(height - up) > 3 or x - across > 20:
                hair = f'<path class="hair" d="M{across + 5:.1f} {up:.1f}L{x - 3:.1f} {height:.1f}"/>'
            written = f'<text class="label" x="{x:.1f}" y="{height + 4:.1f}">{escape(label.text)}</text>'
            yield f"<g{self.of(label.run)}>{hair}{written}</g>"


def spread(wanted: Sequence[float], top: float, bottom: float) -> list[float]:
    """Heights near those wanted, which are in order, that are a line apart and between ``top`` and ``bottom``."""
    heights: list[float] = []
    for height in wanted:
        heights.append(max(height, heights[-1] + _LINE) if heights else max(height, top))
    limit = bottom
    for place in reversed(range(len(heights))):
        heights[place] = min(heights[place], limit)
        limit = heights[place] - _LINE
    return heights
