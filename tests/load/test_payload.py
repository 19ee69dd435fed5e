from pathlib import Path

import numpy as np
import pytest

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.load.payload.payload import encode, make_arrays, make_bodies, make_body, row_lengths
from mmebench.spec import Payload

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


def test_a_json_body_asks_for_a_json_answer() -> None:
    """Triton answers as ``binary_data_output`` says, and in the encoding of the request where nothing is said."""
    import json

    assert json.loads(make_body(IMAGE, Payload(encoding="json"), 8).content).keys() == {"inputs"}


def test_texts_and_truths_in_json() -> None:
    import json

    names = (TensorSpec(name="t", datatype="BYTES", shape=(2,)), TensorSpec(name="b", datatype="BOOL", shape=(1,)))
    arrays = [np.array([["grün", b"red"]], object), np.array([[True]])]
    asked = json.loads(encode(names, arrays, Payload(encoding="json"), 8).content)["inputs"]
    assert [each["data"] for each in asked] == [["grün", "red"], [True]]
    assert [each["shape"] for each in asked] == [[1, 2], [1, 1]]


def test_half_precision_has_no_json_form() -> None:
    half = (TensorSpec(name="x", datatype="FP16", shape=(2,)),)
    assert make_body(half, Payload(), 8).content.endswith(make_arrays(half, Payload())[0].tobytes())
    with pytest.raises(BadInputError, match="got json, in which input x of FP16 cannot be written"):
        make_body(half, Payload(encoding="json"), 8)


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


def test_a_pool_of_distinct_bodies_begins_with_the_one_body() -> None:
    bodies = make_bodies(IMAGE, Payload(pool=5), 8)
    assert len(set(bodies)) == 5
    assert bodies[0] == make_body(IMAGE, Payload(), 8)
    assert bodies == make_bodies(IMAGE, Payload(pool=5), 8)


def test_lengths_as_text_has_them() -> None:
    lengths = row_lengths(Payload(batch=1000, sequence_length=256, lengths="lognormal"), np.random.default_rng(1))
    assert np.median(lengths) == pytest.approx(64, rel=0.1)
    assert np.mean(lengths > 128) == pytest.approx(1 / 7, rel=0.25)
    assert lengths.max() <= 256
    (ids, mask, _) = make_arrays(TEXT, Payload(batch=3, sequence_length=256, lengths="lognormal"))
    assert ids.shape == mask.shape == (3, int(mask.sum(axis=1).max())), "padded to the longest row, no further"


def test_a_picture_is_scaled_and_normalised(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "red.png"
    Image.new("RGB", (64, 32), (255, 0, 0)).save(path)
    (image,) = make_arrays(IMAGE, Payload(image=path, batch=2))
    assert image.shape == (2, 3, 8, 8)
    assert image[1, :, 4, 4].tolist() == pytest.approx(
        [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], rel=1e-5
    )


@pytest.mark.parametrize("shape", [(3, 8, 6), (8, 6, 3), (1, 8, 6), (8, 6, 1)])
def test_a_model_of_raw_pixels_gets_them(tmp_path: Path, shape: tuple[int, ...]) -> None:
    from PIL import Image

    Image.new("RGB", (64, 48), (128, 128, 128)).save(tmp_path / "grey.png")
    (image,) = make_arrays(
        (TensorSpec(name="x", datatype="UINT8", shape=shape),), Payload(image=tmp_path / "grey.png")
    )
    assert image.dtype == np.uint8
    assert image.shape == (1, *shape)
    assert np.unique(image).tolist() == [128]


def test_colours_are_where_the_shape_says(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 6), (255, 0, 0)).save(tmp_path / "red.png")
    for shape in ((3, 6, 8), (6, 8, 3)):
        for datatype in ("FP32", "UINT8"):
            spec = TensorSpec.model_validate({"name": "x", "datatype": datatype, "shape": shape})
            (image,) = make_arrays((spec,), Payload(image=tmp_path / "red.png"))[0]
            channels = image if shape[0] == 3 else image.transpose(2, 0, 1)
            assert channels[0].min() > channels[1:].max(), (shape, datatype)
    grey = TensorSpec(name="x", datatype="FP32", shape=(1, 6, 8))
    (image,) = make_arrays((grey,), Payload(image=tmp_path / "red.png"))[0]
    assert np.ptp(image) == 0
    assert float(image[0, 0, 0]) == pytest.approx((76 / 255 - 0.449) / 0.226, abs=0.02)  # ITU-R 601 luma of red


def test_what_no_picture_can_be(tmp_path: Path) -> None:
    tokens = TensorSpec(name="x", datatype="INT64", shape=(3, 8, 8))
    with pytest.raises(BadInputError, match=r"x INT64 \[3, 8, 8\]; a picture is .* UINT8 or floating point"):
        make_arrays((tokens,), Payload(image=tmp_path / "any.png"))


def test_pixels_without_a_picture() -> None:
    (image,) = make_arrays((TensorSpec(name="x", datatype="UINT8", shape=(3, 64, 64)),), Payload())
    assert np.bincount(image.ravel(), minlength=256).min() > 0


@pytest.mark.parametrize(("inputs", "message"), [(TEXT, "a picture is one input of"), (IMAGE, "No such file")])
def test_a_picture_that_cannot_be(tmp_path: Path, inputs: tuple[TensorSpec, ...], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        make_body(inputs, Payload(image=tmp_path / "none.png"), 8)
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(BadInputError, match=r"not a picture|a picture is one"):
        make_body(inputs, Payload(image=tmp_path / "text.png"), 8)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[PAD]": 0, "[UNK]": 1, "a": 2, "rose": 3, "is": 4}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.enable_padding(length=64)  # as many files have it; what a request needs is less
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_texts_through_their_tokenizer(tokenizer: Path) -> None:
    payload = Payload(text=("a rose is a rose", "is a"), tokenizer=tokenizer, batch=2, sequence_length=4, pool=2)
    ids, mask, types = make_arrays(TEXT, payload)
    assert ids.tolist() == [[2, 3, 4, 2], [4, 2, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert types.tolist() == [[0] * 4] * 2
    assert ids.dtype == np.int64
    one = payload.model_copy(update={"batch": 1})
    assert [make_arrays(TEXT, one, number)[0].tolist() for number in (0, 1, 2)] == [
        [[2, 3, 4, 2]], [[4, 2]], [[2, 3, 4, 2]],
    ]  # fmt: skip


@pytest.mark.parametrize(("length", "batch"), [((6,), 2), ((1, 6), 1)])
def test_texts_are_as_long_as_the_model_wants_them(length: tuple[int, ...], batch: int, tokenizer: Path) -> None:
    inputs = tuple(spec.model_copy(update={"shape": length}) for spec in TEXT)
    payload = Payload(text=("a rose is", "is a rose is a rose is a rose"), tokenizer=tokenizer, batch=batch)
    ids, mask, _ = (array.reshape(batch, 6) for array in make_arrays(inputs, payload))
    assert ids.tolist() == [[2, 3, 4, 0, 0, 0], [4, 2, 3, 4, 2, 3]][:batch]
    assert mask.tolist() == [[1, 1, 1, 0, 0, 0], [1] * 6][:batch]


def test_token_ids_end_where_the_text_does() -> None:
    ids, mask = (
        spec.model_copy(update={"low": 2, "high": 6, "end": 4}) if spec.fill == "integers" else spec
        for spec in TEXT[:2]
    )
    values, ones = make_arrays((ids, mask), Payload(batch=20, sequence_length=16))
    assert ((values == 4).sum(1) == 1).all()
    assert (np.argmax(values == 4, axis=1) == ones.sum(1) - 1).all()
    assert np.unique(values).tolist() == [2, 3, 4, 5]


def test_texts_that_cannot_be(tokenizer: Path) -> None:
    payload = Payload(text=("a",), tokenizer=tokenizer)
    with pytest.raises(BadInputError, match=r"input INPUT__0 \[3, 8, 8\] \(normal\) is no row of tokens"):
        make_arrays(IMAGE, payload)
    with pytest.raises(BadInputError, match="no such file"):
        make_arrays(TEXT, payload.model_copy(update={"tokenizer": tokenizer / "none"}))
    (tokenizer / "tokenizer.json").write_text("{}")
    with pytest.raises(BadInputError, match=r"workload\.payload\.tokenizer: .*tokenizer\.json: "):
        make_arrays(TEXT, payload)


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "body.csv"
    path.write_bytes(b"1,2,3")
    assert make_bodies(IMAGE, Payload(file=path, content_type="text/csv"), 8) == ((b"1,2,3", "text/csv"),)
    assert make_body(IMAGE, Payload(file=path), 8).content_type == "application/octet-stream"
    with pytest.raises(BadInputError, match="No such file"):
        make_body(IMAGE, Payload(file=tmp_path / "none"), 8)
