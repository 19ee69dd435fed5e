"""What precision the layers of a TensorRT engine really have: builders lower it where they like, or not at all."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LAYERS = "layers.json"
"""What trtexec writes by ``--exportLayerInfo``."""
DETAILED = "--profilingVerbosity=detailed"
"""Without it the file has names only."""

_WORDS = {
    "fp16": ("FP16", "Half"), "fp32": ("FP32", "Float"), "bf16": ("BF16", "BFloat16"), "int8": ("INT8", "Int8"),
    "fp8": ("FP8",),
}  # fmt: skip
"""As the engine inspector of TensorRT 8 to 11 has them, within longer descriptions."""


def count_layers(path: Path) -> dict[str, int]:
    """How many layers give what: ``{"fp16": 52, "fp32": 3}``, most first.

    None of them where trtexec left no such file, or another thing in it: an engine that took an hour to build is
    not given up for that.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    layers = said.get("Layers") if isinstance(said, dict) else None
    found = Counter(precision for layer in layers or () for precision in _precisions(layer))
    return dict(found.most_common())


def in_words(layers: Mapping[str, int]) -> str:
    """``FP16 in 52 of 55 layers, FP32 in 3``."""
    if not layers:
        return "a precision that trtexec did not tell"
    (first, number), *others = layers.items()
    most = f"{first.upper()} in {number} of {sum(layers.values())} layers"
    return ", ".join([most, *(f"{precision.upper()} in {number}" for precision, number in others)])


def _precisions(layer: Any) -> Iterator[str]:
    """Of the first output. Where names are all there is, a layer is text."""
    outputs = layer.get("Outputs") if isinstance(layer, dict) else None
    first = outputs[0] if isinstance(outputs, list) and outputs else None
    if not isinstance(first, dict):
        return
    # TensorRT 11 has in two fields what was one.
    said = str(first.get("DataType") or first.get("Datatype") or first.get("Format/Datatype", ""))
    words = said.replace(",", " ").split()
    yield from (precision for precision, names in _WORDS.items() if any(name in words for name in names))
