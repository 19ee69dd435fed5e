"""Triton's ``reshape``: a model that has other shapes than its configuration tells the client."""

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def reshaped(
    arrays: Mapping[str, Array], tensors: Iterable[Mapping[str, Any]], source: str, target: str, rows: bool
) -> dict[str, Array]:
    """``arrays`` with those in other shapes whose configuration has a ``reshape``.

    Args:
        arrays: by name.
        tensors: the configuration's inputs or outputs.
        source: what the shapes are now, ``dims`` or ``reshape``.
        target: what they are to be, the other of the two.
        rows: whether a first dimension counts rows, of which the configuration does not speak.
    """
    changed = dict(arrays)
    for tensor in tensors:
        name = tensor["name"]
        if name in changed and "reshape" in tensor:
            array = changed[name]
            first = array.shape[: int(rows)]
            sizes = zip(_shape(tensor, source), array.shape[int(rows) :], strict=True)
            varying = iter([size for size_said, size in sizes if size_said == -1])
            changed[name] = array.reshape(
                *first, *(next(varying) if size == -1 else size for size in _shape(tensor, target))
            )
    return changed


def _shape(tensor: Mapping[str, Any], which: str) -> list[int]:
    said = tensor["dims"] if which == "dims" else tensor["reshape"].get("shape", ())
    return [int(size) for size in said]
