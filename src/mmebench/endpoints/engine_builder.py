"""Who builds TensorRT engines."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol


class EngineBuilder(Protocol):
    """Something with a GPU and ``trtexec``."""

    made_with: str
    """What its engines fit: the kind of GPU and the version of TensorRT, in words."""
    tensorrt: int
    """The major version of its TensorRT; 10 also for 11, as engines are built alike for both."""

    def build(self, model: Path, options: Sequence[str], folder: Path, progress: Callable[[str], None]) -> None:
        """Write ``model.plan``, ``layers.json`` with what it is made of, and ``trtexec.log`` into ``folder``.

        Args:
            model: the folder that holds ``model.onnx`` and what belongs to it.
            options: of trtexec, but for ``--onnx``, ``--saveEngine`` and ``--exportLayerInfo``.
            folder: where to.
            progress: told what is done now.

        Raises:
            MmebenchError: there is no engine; the message has the last lines of the log, or says where it is.
        """
