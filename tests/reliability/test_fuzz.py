from pathlib import Path

import pytest

from reliability.fuzz import fuzz


@pytest.mark.triton
def test_malformed_requests_harm_nobody(tmp_path: Path) -> None:
    found = fuzz(tmp_path, 8000, seed=1)
    assert found.faults == []
    assert found.outcomes["200"] > 500
    assert found.outcomes["bystander"] > 10
