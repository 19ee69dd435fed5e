import io
import logging
from collections.abc import Iterator

import pytest

from mmebench.server.log import Moderation

_log = logging.getLogger("tests.moderated")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock) -> Iterator[io.StringIO]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(Moderation(clock))
    _log.addHandler(handler)
    _log.propagate = False
    yield text
    _log.removeHandler(handler)
    _log.propagate = True


def test_what_is_said_too_often_is_counted(lines: io.StringIO, clock: Clock) -> None:
    for number in range(1000):
        _log.warning("refused %d", number)
    _log.warning("another")
    clock.now = 10.0
    _log.warning("refused %d", 1000)
    _log.warning("refused %d", 1001)
    assert lines.getvalue().splitlines() == [
        *(f"refused {number}" for number in range(20)),
        "another",
        "refused 1000 (980 more like this were left out)",
        "refused 1001",
    ]


def test_a_line_is_short_and_has_nothing_that_a_terminal_obeys(lines: io.StringIO) -> None:
    _log.warning("target %s", "\x1b[2Jün\r\nfake line" + "x" * 2_000_000)
    (line,) = lines.getvalue().splitlines()
    assert line.startswith("target \\x1b[2Jün\\r\\nfake linexxx")
    assert len(line) < 1100
