"""Moved to :mod:`mmebench.formats.tensors`; this name stays for one release."""

import warnings

from mmebench.formats.tensors import Datatype, Fill, TensorSpec

__all__ = ["Datatype", "Fill", "TensorSpec"]

warnings.warn("mmebench.tensors is now mmebench.formats.tensors", DeprecationWarning, stacklevel=2)
