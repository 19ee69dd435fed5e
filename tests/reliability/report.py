"""``python tests/reliability/report.py``: each fault and what became of it, as a table in docs/reliability.md."""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(_TESTS))

from reliability.crowd import LOST, RIGHT, WRONG, Tally  # noqa: E402  # found by the line above
from reliability.scenarios import SCENARIOS  # noqa: E402
from reliability.scene import namespaces_allowed  # noqa: E402
from reliability.test_scenarios import play  # noqa: E402
from support.served_constants import override  # noqa: E402

DOCUMENT = _TESTS.parent / "docs" / "reliability.md"
_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def main() -> None:
    """Play them all and write the table."""
    lines = [
        "| fault | requests | right | refused | wrong | lost | healed in |",
        "|---|---|---|---|---|---|---|",
    ]
    total, tried = Tally(), 0
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
            folder = Path(scratch)
            if "unshare" in scenario.before(folder) and not namespaces_allowed():
                print(f"left out, as it needs a mount namespace: {scenario.name}", flush=True)
                continue
            if scenario.constants:
                override(patch, folder / "site", dict(scenario.constants))
            healed, crowd, tally = play(scenario, folder)
        both = crowd + tally
        total, tried = total + both, tried + 1
        lines.append(_row(scenario.name, both, "–" if healed is None else f"{healed:.2f} s"))
        print(lines[-1], flush=True)
    lines.append(_row(f"**all {tried}**", total, ""))
    about = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, no GPU."
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    table = "\n".join([_BEGIN, about, "", *lines, _END])
    DOCUMENT.write_text(before + table + after, encoding="utf-8")


def _row(name: str, tally: Tally, healed: str) -> str:
    counts = (tally.sent, tally.outcomes[RIGHT], tally.refused, tally.outcomes[WRONG], tally.outcomes[LOST])
    return f"| {name} | {' | '.join(f'{count:,}' for count in counts)} | {healed} |"


if __name__ == "__main__":
    main()
