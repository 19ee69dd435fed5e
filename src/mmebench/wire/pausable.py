"""A connection that may be read no further for a while."""

import asyncio


class PausableProtocol(asyncio.Protocol):
    """Its other side waits, by TCP's flow control, until this one keeps up again."""

    transport: asyncio.Transport
    paused = False
    """Whether no more is read for now."""

    def pause_reading(self) -> None:
        """Read no more of what the other side sends for now."""
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()
