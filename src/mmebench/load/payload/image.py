"""A picture as the input of an image model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec

# Of the ImageNet training set; what the models of timm and torchvision are normalised with unless they say else.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_MODES = {1: "L", 3: "RGB"}
_FLOATS = ("FP16", "FP32", "FP64")


def read_image(path: Path, inputs: tuple[TensorSpec, ...]) -> npt.NDArray[np.generic]:
    """The picture as the one input takes it, scaled and cut to its middle.

    Its shape says where the channels are, ``(channels, height, width)`` or ``(height, width, channels)``, and
    whether they are three of colour or one of grey. A UINT8 input gets the pixels as they are, 0 to 255; one of
    floating point gets them normalised.

    Raises:
        BadInputError: it is no picture, or the model does not take one.
    """
    from PIL import Image, ImageOps

    channels, height, width, last = _layout(inputs)
    with _opened(path) as picture:
        fitted = ImageOps.fit(picture.convert(_MODES[channels]), (width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(fitted).reshape(height, width, channels)
    if inputs[0].datatype != "UINT8":
        mean, deviation = (_MEAN, _DEVIATION) if channels == 3 else (_MEAN.mean(), _DEVIATION.mean())
        pixels = ((pixels.astype(np.float32) / 255 - mean) / deviation).astype(inputs[0].numpy_dtype)
    return np.ascontiguousarray(pixels if last else pixels.transpose(2, 0, 1))


def check_image(path: Path) -> None:
    """Refuse what is no picture, whatever the model takes.

    Raises:
        BadInputError: it cannot be read.
    """
    with _opened(path) as picture:
        picture.load()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            yield picture
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # broken files raise all of them
        said = getattr(error, "strerror", None) or "not a picture that Pillow reads"
        raise BadInputError(f"workload.payload.image: {path}: {said}; give a JPEG or PNG file") from None


def _layout(inputs: tuple[TensorSpec, ...]) -> tuple[int, int, int, bool]:
    """Channels, height and width of the one input, and whether the channels come last."""
    if len(inputs) == 1 and len(inputs[0].shape) == 3 and min(inputs[0].shape) > 0:
        spec = inputs[0]
        first, middle, last = spec.shape
        if spec.datatype == "UINT8" or spec.datatype in _FLOATS:
            if first in _MODES:
                return first, middle, last, False
            if last in _MODES:
                return last, first, middle, True
    taken = ", ".join(f"{spec.name} {spec.datatype} {list(spec.shape)}" for spec in inputs)
    raise BadInputError(
        f"workload.payload.image: the model takes {taken}; a picture is one input of [3, height, width] or "
        f"[height, width, 3], with 1 instead of 3 for grey, of UINT8 or floating point"
    )
