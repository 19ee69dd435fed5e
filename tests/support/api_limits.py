"""What AWS's API models say of requests and botocore does not check: lengths, sizes, patterns, allowed values."""

import re
from typing import Any

import boto3


def breaches(service: str, operation: str, request: dict[str, Any]) -> list[str]:
    """Where a request breaks the model of the API; nothing where AWS would take its form."""
    model = boto3.client(service, region_name="us-east-1").meta.service_model
    return list(_breaches(model.operation_model(operation).input_shape, request, operation))


def _breaches(shape: Any, value: Any, where: str) -> list[str]:
    limits = shape.metadata
    found = []
    size = value if isinstance(value, int | float) else len(value)
    if size > limits.get("max", size) or size < limits.get("min", size):
        found.append(f"{where}: {size} is not within {limits.get('min')} and {limits.get('max')}")
    if shape.type_name == "structure":
        for name, member in value.items():
            found += _breaches(shape.members[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        for number, member in enumerate(value):
            found += _breaches(shape.member, member, f"{where}.{number}")
    elif shape.type_name == "map":
        for key, member in value.items():
            found += _breaches(shape.key, key, f"{where} key") + _breaches(shape.value, member, f"{where}.{key}")
    elif shape.type_name == "string":
        if shape.enum and value not in shape.enum:
            found.append(f"{where}: {value!r} is not among {shape.enum}")
        if "pattern" in limits and not re.fullmatch(_ascii(limits["pattern"]), value):
            found.append(f"{where}: {value!r} does not match {limits['pattern']}")
    return found


def _ascii(pattern: str) -> str:
    """Classes of Unicode, which Python does not know, as those of ASCII; without Java's pairs of surrogates."""
    pattern = (
        pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", "")
        .replace(r"[\p{Print}]", r"\p{Print}")
        .replace(r"\p{Print}", "[ -~]")
    )
    return pattern.replace(r"\p{L}", "a-zA-Z").replace(r"\p{Z}", " ").replace(r"\p{N}", "0-9")
