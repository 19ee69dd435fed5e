"""The traffic that a plan is for: a file for each kind."""

from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_before_validator_function

from mmebench.spec.kinds import Kinds
from mmebench.spec.traffic.traced import TraceTraffic
from mmebench.spec.traffic.traffic import Traffic
from mmebench.spec.traffic.zipf import ZipfTraffic

TRAFFIC = Kinds[Traffic](
    "traffic",
    ZipfTraffic,
    TraceTraffic,
    example={"kind": "zipf", "s": 1.1, "rate": 50},
)


def _written(value: Any) -> Any:
    """``zipf:1.1,50`` and the path of a trace, as a command line has them."""
    if not isinstance(value, str):
        return value
    kind, colon, rest = value.partition(":")
    if colon and kind in TRAFFIC and (written := TRAFFIC.by_name[kind].from_text(rest)) is not None:
        return {"kind": kind} | written
    return {"kind": "trace", "path": value}


class _Written:
    """A text may stand for the mapping."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(_written, handler(source))

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """For editors."""
        return {"anyOf": [{"type": "string", "examples": ["zipf:1.1,50"]}, handler(core_schema)]}


AnyTraffic = Annotated[Traffic, TRAFFIC, _Written()]

__all__ = ["TRAFFIC", "AnyTraffic", "TraceTraffic", "Traffic", "ZipfTraffic"]
