"""What the endpoints of a benchmark have cost so far, while it goes on."""

from dataclasses import dataclass

from mmebench.figures.cost import of_time
from mmebench.record.run import Price
from mmebench.uptime import uptime


@dataclass
class _Life:
    price: Price | None
    began: float
    """By :func:`mmebench.uptime.uptime`, as ``ended``."""
    ended: float | None = None

    @property
    def seconds(self) -> float:
        return (uptime() if self.ended is None else self.ended) - self.began


class Spending:
    """Endpoints come and go in threads of their own, several at once; each is known by a name."""

    def __init__(self) -> None:
        self._lives: dict[str, _Life] = {}

    def begin(self, endpoint: str, price: Price | None) -> None:
        """It is up; without a price it costs nothing."""
        self._lives[endpoint] = _Life(price, uptime())

    def end(self, endpoint: str) -> float:
        """It is gone; returns for how many seconds it was there, 0 if it never was."""
        if (life := self._lives.get(endpoint)) is None:
            return 0.0
        life.ended = uptime()
        return life.seconds

    def so_far(self) -> float | None:
        """US dollars of all endpoints together; None where none of them has a price."""
        priced = [(life.price, life.seconds) for life in list(self._lives.values()) if life.price is not None]
        return sum(of_time(price.usd_per_hour, seconds) for price, seconds in priced) if priced else None
