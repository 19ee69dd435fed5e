"""Tensors to and from Triton's stub process, by DLPack.

The stub of nvidia-pytriton 0.7 was built against numpy 1. With numpy 2 its ``as_numpy()`` gives zeros without a
word and ``Tensor(name, array)`` makes an empty tensor (measured), while DLPack is right with both. Strings have
no DLPack form and need numpy 1.
"""

import ctypes
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

_CONSUMED = b"used_dltensor"
_set_capsule_name = ctypes.pythonapi.PyCapsule_SetName
_set_capsule_name.argtypes = [ctypes.py_object, ctypes.c_char_p]
_set_capsule_name.restype = ctypes.c_int


def to_array(tensor: Any) -> NDArray[Any]:
    """A read-only view of a numeric input in shared memory, valid as long as its request is."""
    return np.from_dlpack(tensor)


def to_tensor(name: str, array: NDArray[Any]) -> Any:
    """The output ``name`` with the values of ``array``."""
    if array.dtype.kind in "OSU":
        return pb_utils.Tensor(name, array.astype(object))
    array = np.ascontiguousarray(array)
    capsule = (array if array.flags.writeable else array.copy()).__dlpack__()
    tensor = pb_utils.Tensor.from_dlpack(name, capsule)
    # The stub renames what it consumed to "used_dlpack"; numpy's destructor knows the standard name only and
    # would write a traceback to the log for each response.
    _set_capsule_name(capsule, _CONSUMED)
    return tensor
