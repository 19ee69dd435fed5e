"""Texts as the inputs of a text model."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.spec import Payload

if TYPE_CHECKING:
    from tokenizers import Encoding


def tokenize(payload: Payload, inputs: tuple[TensorSpec, ...], number: int) -> list[npt.NDArray[np.generic]]:
    """One array an input, ``(batch, longest row)``, for body ``number``: the next ``batch`` texts.

    An input's fill says what it holds: ``integers`` the token ids, ``lengths`` the attention mask, ``zeros`` the
    token types. Rows are cut at ``sequence_length`` and padded to the longest, as the tokenizer pads; where the
    model takes one length only, they are cut at that and padded to it.

    Raises:
        BadInputError: the tokenizer cannot be read, or an input is no row of tokens.
    """
    assert payload.text is not None
    path = _tokenizer_file(payload)
    first = number * payload.batch
    texts = [payload.text[(first + row) % len(payload.text)] for row in range(payload.batch)]
    fixed = {spec.shape[-1] for spec in inputs if spec.shape and spec.shape[-1] != -1}
    encodings = _encode(path, texts, min({payload.sequence_length, *fixed}), min(fixed, default=None))
    by_fill = {
        "integers": [encoding.ids for encoding in encodings],
        "lengths": [encoding.attention_mask for encoding in encodings],
        "zeros": [encoding.type_ids for encoding in encodings],
    }
    arrays = []
    for spec in inputs:
        rows = np.array(by_fill.get(spec.fill, []), spec.numpy_dtype)
        expected = spec.shape[-1] if spec.shape else 0
        if rows.ndim != 2 or expected not in (-1, rows.shape[1]):
            raise BadInputError(
                f"workload.payload.text: input {spec.name} {list(spec.shape)} ({spec.fill}) is no row of tokens"
            )
        arrays.append(rows.reshape(payload.batch, *[1] * (len(spec.shape) - 1), rows.shape[1]))
    return arrays


def check_texts(payload: Payload) -> None:
    """Refuse a tokenizer that cannot be read, whatever the model takes.

    Raises:
        BadInputError: it cannot.
    """
    _encode(_tokenizer_file(payload), list(payload.text or ("",))[:1], payload.sequence_length, None)


def _tokenizer_file(payload: Payload) -> Path:
    assert payload.tokenizer is not None
    return payload.tokenizer / "tokenizer.json" if payload.tokenizer.is_dir() else payload.tokenizer


def _encode(path: Path, texts: list[str], longest: int, padded: int | None) -> "list[Encoding]":
    """The tokens of each text: ``longest`` at most, and ``padded`` with padding, or as the longest text has."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise BadInputError(
            "workload.payload.text needs the package tokenizers; install it with pip install tokenizers"
        ) from None
    if not path.is_file():
        raise BadInputError(
            f"workload.payload.tokenizer: {path}: no such file; give a tokenizer.json or its folder"
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # it raises no narrower class, whatever is wrong with the file
        raise BadInputError(f"workload.payload.tokenizer: {path}: {error}") from None
    tokenizer.enable_truncation(longest)
    # What the file says of padding may be a fixed length; only its token is wanted.
    padding = tokenizer.padding or {}
    tokenizer.enable_padding(
        length=padded, **{key: padding[key] for key in ("pad_id", "pad_token", "pad_type_id") if key in padding}
    )
    return tokenizer.encode_batch(texts)
