import numpy as np
import pytest

from mmebench.load.payload import make_arrays, make_body
from mmebench.spec import Payload
from mmebench.tensors import TensorSpec

IMAGE = (TensorSpec(name="INPUT__0", datatype="FP32", shape=(3, 8, 8)),)
TEXT = (
    TensorSpec(name="input_ids", datatype="INT64", shape=(-1,), fill="integers", low=5, high=100),
    TensorSpec(name="attention_mask", datatype="INT64", shape=(-1,), fill="lengths"),
    TensorSpec(name="token_type_ids", datatype="INT64", shape=(-1,), fill="zeros"),
)


def test_images_are_normal() -> None:
    (image,) = make_arrays(IMAGE, Payload(batch=64))
    assert image.shape == (64, 3, 8, 8)
    assert image.dtype == np.dtype("float32")
    assert abs(float(np.mean(image.astype(float)))) < 0.05
    assert float(np.std(image.astype(float))) == pytest.approx(1, abs=0.05)


def test_text_has_ids_of_the_vocabulary_and_rows_of_different_length() -> None:
    ids, mask, types = make_arrays(TEXT, Payload(batch=16, sequence_length=20))
    assert ids.shape == mask.shape == types.shape == (16, 20)
    assert ids.min() >= 5
    assert ids.max() < 100
    lengths = mask.sum(axis=1)
    assert lengths[0] == 20
    assert lengths.min() >= 10
    assert len(set(lengths.tolist())) > 1
    assert (np.diff(mask.astype(int), axis=1) <= 0).all(), "a mask is ones, then zeros"
    assert not types.any()


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert make_body(IMAGE, Payload(seed=3), 8) == make_body(IMAGE, Payload(seed=3), 8)
    assert make_body(IMAGE, Payload(seed=3), 8) != make_body(IMAGE, Payload(seed=4), 8)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_binary_body_is_a_header_and_raw_tensors(batch: int) -> None:
    body = make_body(IMAGE, Payload(batch=batch), 8)
    prefix, _, size = body.content_type.rpartition("=")
    assert prefix == "application/vnd.sagemaker-triton.binary+json;json-header-size"
    raw = np.frombuffer(body.content[int(size) :], np.float32).reshape(batch, 3, 8, 8)
    assert np.array_equal(raw, make_arrays(IMAGE, Payload(batch=batch))[0])


def test_a_json_body_carries_the_same_values() -> None:
    body = make_body(IMAGE, Payload(encoding="json"), 8)
    assert body.content_type == "application/json"
    import json

    (tensor,) = json.loads(body.content)["inputs"]
    assert tensor["shape"] == [1, 3, 8, 8]
    values = np.array(tensor["data"], np.float32).reshape(1, 3, 8, 8)
    assert np.array_equal(values, make_arrays(IMAGE, Payload())[0])


def test_text_without_batch_dimension() -> None:
    whole = tuple(spec.model_copy(update={"shape": (1, -1)}) for spec in TEXT)
    body = make_body(whole, Payload(sequence_length=6), 0)
    size = int(body.content_type.rpartition("=")[2])
    ids, mask, types = np.frombuffer(body.content[size:], np.int64).reshape(3, 1, 6)
    assert (ids >= 5).all()
    assert mask.tolist() == [[1] * 6]
    assert not types.any()


def test_a_model_without_batch_dimension_gets_none() -> None:
    body = make_body(IMAGE, Payload(encoding="json"), 0)
    assert b'"shape":[3,8,8]' in body.content.replace(b" ", b"")
