"""Platforms as a spec asks for them."""

from typing import Any

from mmebench.spec import PLATFORMS, PlatformSpec


def served_as(asked: str | dict[str, Any], **options: Any) -> PlatformSpec:
    """``served_as("onnx", precision="fp16")``, or what a spec has for a platform."""
    return PLATFORMS.read(({"kind": asked} if isinstance(asked, str) else asked) | options)
