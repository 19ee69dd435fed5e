"""What every kind of traffic is."""

from typing import Any

from mmebench.spec.strict import Strict


class Traffic(Strict):
    """Which models are asked for, and how often."""

    kind: str

    @classmethod
    def from_text(cls, text: str) -> dict[str, Any] | None:
        """Its fields, as a command line has them after ``kind:``; None where it has no such form.

        Raises:
            ValueError: it has one, and this is not it.
        """
        return None
