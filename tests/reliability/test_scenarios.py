"""Under every fault: no wrong answer, none lost, others served, healed in seconds, seen in log and metrics."""

from pathlib import Path

import psutil
import pytest

from reliability.crowd import LOST, RIGHT, WRONG, Crowd, Tally
from reliability.process_faults import kill_router
from reliability.scenarios import SCENARIOS
from reliability.scene import Scenario, namespaces_allowed
from support.patience import wait_until
from support.served_constants import override

pytestmark = [pytest.mark.triton, pytest.mark.slow]

HEALED_SECONDS = 25.0
"""Three or four on a machine with time to spare."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_fault(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if scenario.before(tmp_path) and not namespaces_allowed():
        pytest.skip("a small file system needs a mount namespace, which is not allowed here")
    if scenario.constants:
        override(monkeypatch, tmp_path / "site", dict(scenario.constants))
    healed, crowd, tally = play(scenario, tmp_path)
    assert tally.outcomes[WRONG] == crowd.outcomes[WRONG] == 0, (tally.notes, crowd.notes)
    assert tally.outcomes[LOST] == (2 if scenario.fault is kill_router else 0), tally.notes
    assert healed is None or healed < HEALED_SECONDS
    assert crowd.outcomes[LOST] == 0, crowd.notes
    assert crowd.sent == 0 or crowd.outcomes[RIGHT] > 0


def play(scenario: Scenario, folder: Path) -> tuple[float | None, Tally, Tally]:
    """Seconds to heal; what became of the others' requests, and of those of the fault itself."""
    with scenario.scene(folder) as scene:
        names = [path.name for path in scene.run_directories]
        others = [] if scenario.fault is kill_router else scenario.others
        with Crowd(scene.served.url, others) as crowd:
            healed = scenario.fault(scene)
        processes = []
        if scenario.fault is not kill_router:  # which sees to that itself
            scene.check_visible()
            processes = [psutil.Process(scene.served.pid), *scene.children()]
    wait_until(lambda: not any(process.is_running() for process in processes))
    assert scene.run_directories == []
    assert not [path for name in names for path in Path("/dev/shm").glob(f"{name}*")]
    return healed, crowd.tally, scene.tally + scene.elsewhere
