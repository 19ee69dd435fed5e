from collections import Counter
from itertools import islice

import pytest

from mmebench.load.popularity import pick_targets
from mmebench.spec import Uniform


def test_uniform_asks_for_each_target_as_often() -> None:
    counts = Counter(islice(pick_targets(Uniform(), 10), 100_000))
    assert set(counts) == set(range(10))
    assert all(count == pytest.approx(10_000, rel=0.05) for count in counts.values())


def test_the_same_seed_gives_the_same_sequence() -> None:
    assert list(islice(pick_targets(Uniform(seed=1), 7), 9000)) == list(
        islice(pick_targets(Uniform(seed=1), 7), 9000)
    )
    assert list(islice(pick_targets(Uniform(seed=1), 7), 50)) != list(islice(pick_targets(Uniform(seed=2), 7), 50))
