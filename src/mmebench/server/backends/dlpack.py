"""Tensors to and from Triton's stub process, by DLPack: views of memory, on the host and on a GPU.

The stub of nvidia-pytriton 0.7 was built against numpy 1. With numpy 2 its ``as_numpy()`` gives zeros without a
word and ``Tensor(name, array)`` makes an empty tensor (measured), while DLPack is right with both. Strings have
no DLPack form and need numpy 1.
"""

import ctypes
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

_CONSUMED = b"used_dltensor"
_set_capsule_name = ctypes.pythonapi.PyCapsule_SetName
_set_capsule_name.argtypes = [ctypes.py_object, ctypes.c_char_p]
_set_capsule_name.restype = ctypes.c_int


def to_array(tensor: Any) -> Any:
    """A read-only view of a numeric input, valid as long as its request is.

    An array; or PyTorch's tensor where Triton gives it on a GPU, which it does in ensembles whose models have the
    parameter FORCE_CPU_ONLY_INPUT_TENSORS "no".
    """
    if tensor.is_cpu():
        return np.from_dlpack(tensor)
    import torch  # nothing else takes tensors on a GPU

    return torch.utils.dlpack.from_dlpack(tensor)


def to_tensor(name: str, array: Any) -> Any:
    """The output ``name`` with the values of ``array``, where they are."""
    if not isinstance(array, np.ndarray):
        return pb_utils.Tensor.from_dlpack(name, array)
    if array.dtype.kind in "OSU":
        return pb_utils.Tensor(name, array.astype(object))
    array = np.ascontiguousarray(array)
    capsule = (array if array.flags.writeable else array.copy()).__dlpack__()
    tensor = pb_utils.Tensor.from_dlpack(name, capsule)
    # The stub renames what it consumed to "used_dlpack"; numpy's destructor knows the standard name only and
    # would write a traceback to the log for each response.
    _set_capsule_name(capsule, _CONSUMED)
    return tensor
