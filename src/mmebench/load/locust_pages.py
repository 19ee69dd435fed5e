"""Where Locust's own pages are during a load, and for whom."""

from pydantic import BaseModel, ConfigDict

LOCUST_PAGES = "/locust"
"""The path below which Locust's own pages are."""
KEY_HEADER = "X-Mmebench-Key"


class LocustPages(BaseModel):
    """On 127.0.0.1, where every user of the machine could ask: so that every request brings a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: int
    key: str
    """What the header :data:`KEY_HEADER` of a request must be."""
