"""Who builds what only the GPU that serves it can make: TensorRT engines, code of AOTInductor."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol


class Builder(Protocol):
    """Something with a GPU, and a program that builds."""

    made_with: str
    """What it builds fits this: the kind of GPU and the versions, in words."""

    def build(self, model: Path, options: Sequence[str], folder: Path, progress: Callable[[str], None]) -> None:
        """Write what the program makes, and its log, into ``folder``.

        Args:
            model: the folder of the export: ``model.onnx`` and what belongs to it, or a program with its compiler.
            options: of the program, but for those that say what is where.
            folder: where to.
            progress: told what is done now.

        Raises:
            MmebenchError: nothing was built; the message has the last lines of the log, or says where it is.
        """


class EngineBuilder(Builder, Protocol):
    """One that runs ``trtexec``: it writes ``model.plan``, its layers as ``layers.json``, and ``trtexec.log``."""

    tensorrt: int
    """The major version of its TensorRT; 10 also for 11, as engines are built alike for both."""
