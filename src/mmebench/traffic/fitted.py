"""Popularity as a trace has it, by Zipf's law."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from mmebench.errors import BadInputError
from mmebench.spec.popularity.popularity import DrawnPopularity, Shares


class Fitted(DrawnPopularity):
    """Zipf's law with the exponent that fits a trace, for any number of targets."""

    kind: Literal["fitted"]
    path: Path = Field(description="the trace, as mmebench trace import makes it")
    s: float | None = Field(None, ge=0, le=20, description="the exponent; that of the trace unless told")
    seed: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _fit(cls, value: Any) -> Any:
        """Once, where the spec is read: client processes on other hosts need not have the trace."""
        if isinstance(value, dict) and value.get("s") is None and isinstance(value.get("path"), str | Path):
            path = Path(value["path"])
            try:
                return value | {"s": _exponent_of(path, path.stat().st_mtime_ns)}
            except OSError as error:
                raise ValueError(f"path: {path}: {error.strerror}; give the file of a trace") from None
            except BadInputError as error:
                raise ValueError(f"path: {error}") from None
        return value

    @override
    def spread(self, targets: Sequence[str]) -> Shares:
        """By the rank."""
        assert self.s is not None, "it was fitted when the spec was read"
        weights: Shares = np.arange(1, len(targets) + 1) ** -self.s
        return weights


@lru_cache(maxsize=8)
def _exponent_of(path: Path, _changed: int) -> float:
    """A spec is read several times, and a trace may be long."""
    from mmebench.figures.traffic import fit_exponent
    from mmebench.traffic.trace_arrays import read_requests

    return round(max(fit_exponent(np.bincount(read_requests(path).targets)), 0.0), 4)
