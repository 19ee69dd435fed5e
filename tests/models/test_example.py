import numpy as np
import pytest

from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import example

TOKENS = TensorSpec(name="ids", datatype="INT64", shape=(-1,), fill="integers", low=3, high=7)
MASK = TensorSpec(name="mask", datatype="INT32", shape=(-1,), fill="lengths")
ZEROS = TensorSpec(name="types", datatype="INT64", shape=(-1,), fill="zeros")
IMAGE = TensorSpec(name="image", datatype="FP16", shape=(3, 4, 5))


def test_shapes_and_types() -> None:
    ids, mask, types, image = example([TOKENS, MASK, ZEROS, IMAGE], batch=6, sequence_length=9)
    assert [array.shape for array in (ids, mask, types, image)] == [(6, 9), (6, 9), (6, 9), (6, 3, 4, 5)]
    assert [array.dtype for array in (ids, mask, types, image)] == [np.int64, np.int32, np.int64, np.float16]


def test_integers_stay_within_bounds() -> None:
    (ids,) = example([TOKENS], batch=50, sequence_length=20)
    assert (ids.min(), ids.max()) == (3, 6)


def test_a_mask_is_ones_then_zeros_and_the_first_row_is_full() -> None:
    (mask,) = example([MASK], batch=50, sequence_length=20)
    assert mask[0].all()
    assert (np.diff(mask, axis=1) <= 0).all()
    assert mask[:, 0].all()
    assert len(set(mask.sum(axis=1))) > 5


def test_a_mask_without_a_batch_dimension_has_one_row() -> None:
    (mask,) = example([MASK.model_copy(update={"shape": (1, -1)})], batch=1, sequence_length=4)
    assert mask.shape == (1, 1, 4)
    assert mask.all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_decides(seed: int) -> None:
    first, again, other = (example([IMAGE], 1, 1, seed=s)[0] for s in (seed, seed, seed + 1))
    assert (first == again).all()
    assert not (first == other).all()
