"""The tensors a model takes and gives, in the words of the KServe v2 protocol that Triton speaks."""

from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

Datatype = Literal[
    "BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]  # fmt: skip

Fill = Literal["normal", "integers", "lengths", "zeros"]


_WHOLE_NUMBERS = ("INT8", "INT16", "INT32", "INT64")


def _possible(size: int) -> int:
    if size < 1 and size != -1:
        raise ValueError(f"got {size}; allowed: 1 or more, or -1 where it varies; write e.g. 224")
    return size


Size = Annotated[int, AfterValidator(_possible)]


class TensorSpec(BaseModel):
    """One input or output of a model.

    ``shape`` leaves the batch dimension out; -1 marks a dimension that varies (the sequence length of text).
    ``fill`` says what realistic data looks like, so that a payload can be made without the model. Unless told it
    is ``normal``, and of whole numbers ``lengths`` for a mask, ``zeros`` for types, and else ``integers``:

    * ``normal``: standard normal, what images are after normalisation; pixels from 0 to 255 where it is UINT8;
    * ``integers``: uniform in [``low``, ``high``), token ids; ``end``, if any, ends each row and is nowhere else;
    * ``lengths``: 1 up to each row's length and 0 after it, an attention mask;
    * ``zeros``: all zero, token type ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    datatype: Datatype
    shape: tuple[Size, ...]
    fill: Fill = "normal"
    low: int = 0
    high: int = 1
    end: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_of_whole_numbers(cls, value: Any) -> Any:
        """Whole numbers are ids, masks or types far more often than values of a bell curve, which rounds to -1."""
        if not isinstance(value, dict) or "fill" in value or value.get("datatype") not in _WHOLE_NUMBERS:
            return value
        name = str(value.get("name"))
        return value | {"fill": "lengths" if "mask" in name else "zeros" if "type" in name else "integers"}

    @model_validator(mode="after")
    def _some_integers(self) -> Self:
        if self.fill == "integers" and self.high <= self.low:
            raise ValueError(f"got low {self.low} and high {self.high}; allowed: low under high; raise high")
        return self

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape in requests and answers: Triton writes one number a row, whose shape is empty, as ``[1]``."""
        return self.shape or (1,)

    def token_ids(
        self, shape: tuple[int, ...], lengths: npt.NDArray[np.int64], random: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        """What ``integers`` says, in rows of these lengths."""
        if self.end is None:
            return random.integers(self.low, self.high, shape)
        values = random.integers(self.low, self.high - 1, shape)
        values += values >= self.end
        last = np.clip(lengths, 1, shape[-1]) - 1
        rows = np.broadcast_to(last.reshape(-1, *[1] * (len(shape) - 1)), (*shape[:-1], 1))
        np.put_along_axis(values, rows, self.end, axis=-1)
        return values

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy type of the same size; BYTES are Python objects."""
        return np.dtype(_NUMPY.get(self.datatype, self.datatype.lower()))


_NUMPY = {"FP16": "float16", "FP32": "float32", "FP64": "float64", "BYTES": "object"}
