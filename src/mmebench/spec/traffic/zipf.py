"""Traffic by Zipf's law."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from mmebench.spec.traffic.traffic import Traffic


class ZipfTraffic(Traffic):
    """Requests at random times, a few models with most of them: model r (from 1) in proportion to 1 / r ** s."""

    kind: Literal["zipf"]
    s: float = Field(ge=0, le=10, description="0: all models alike; mmebench trace describe fits it to a trace")
    rate: float = Field(gt=0, le=10_000_000, description="requests per second, for all models together")

    @classmethod
    @override
    def from_text(cls, text: str) -> dict[str, Any] | None:
        s, _, rate = text.partition(",")
        try:
            return {"s": float(s), "rate": float(rate)}
        except ValueError:
            raise ValueError(
                f"got 'zipf:{text}'; allowed: zipf:s,rate with the exponent and requests per second; "
                "write e.g. zipf:1.1,50"
            ) from None
