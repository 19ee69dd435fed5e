"""Ten thousand users of one client process, who all start at once in a closed loop.

The listener, the stub, has room for 1024 connections that it has not accepted yet. No request may fail. The window
of the stage begins when the last user has a connection.
"""

from clients import payload_file, run_ours
from harness import publish, within
from mmebench.spec import Stage
from servers import stub_server

ROUNDS = 3
USERS = 10_000
SECONDS = 20


def offer() -> tuple[float, float]:
    """Seconds until the last user had come, and the p99 of the loop's lag in milliseconds."""
    with stub_server() as server:
        _, (window,) = run_ours(server, payload_file(1000), [Stage(users=USERS, duration=SECONDS, warmup=0)])
    assert window.ready < window.end, window.note
    assert window.loop_lag_p99 is not None, "of a window of many seconds"
    return window.ready - window.start, window.loop_lag_p99 * 1e3


def main() -> None:
    """Offer the load, publish."""
    came, lag = zip(*(offer() for _ in range(ROUNDS)), strict=True)
    figure = f"{USERS} users of one process, none of whom failed"
    publish(
        "crowd",
        [
            within(f"{figure}: all there", "s", list(came), "a limit", 10),
            within(f"{figure}: event loop late (p99)", "ms", list(lag), "a limit", 100),
        ],
    )


if __name__ == "__main__":
    main()
