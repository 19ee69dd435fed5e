"""Keeps the chatter of export libraries off the terminal, and shows it when something fails."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

_CHATTY = ("onnxscript", "onnx_ir", "onnxruntime", "openvino", "torch", "transformers", "timm", "huggingface_hub")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back prints, warnings and log records of the libraries that export models.

    An exception passes through, with the last of what was held back as its note.
    """
    held = io.StringIO()
    root = logging.getLogger()
    filters, handlers = root.filters[:], root.handlers[:]
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = {logger: logger.level for logger in (root, *loggers)}
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(held), contextlib.redirect_stderr(held):
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    except Exception as error:
        if held.getvalue().strip():
            error.add_note(held.getvalue().strip()[-2000:])
        raise
    finally:
        # When a conversion fails, OpenVINO leaves the root logger at ERROR, with a filter and a handler.
        root.filters[:], root.handlers[:] = filters, handlers
        for logger, level in levels.items():
            logger.setLevel(level)
