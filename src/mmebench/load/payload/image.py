"""A picture as the input of an image model."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec

# Of the ImageNet training set; what the models of timm and torchvision are normalised with unless they say else.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def read_image(path: Path, inputs: tuple[TensorSpec, ...]) -> npt.NDArray[np.generic]:
    """The picture as ``(channels, height, width)`` of the one input: scaled, cut to its middle, normalised.

    Raises:
        BadInputError: it is no picture, or the model does not take one.
    """
    from PIL import Image, ImageOps

    if len(inputs) != 1 or len(inputs[0].shape) != 3 or inputs[0].shape[0] != 3 or min(inputs[0].shape) < 1:
        shapes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in inputs)
        raise BadInputError(
            f"workload.payload.image: the model takes {shapes}; a picture is one input of [3, height, width]"
        )
    _, height, width = inputs[0].shape
    try:
        with Image.open(path) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.BICUBIC)
    except OSError as error:
        raise BadInputError(f"workload.payload.image: {path}: {error.strerror or 'not a picture'}") from None
    pixels = np.asarray(fitted, np.float32) / 255
    return ((pixels - _MEAN) / _DEVIATION).transpose(2, 0, 1).astype(inputs[0].numpy_dtype)
