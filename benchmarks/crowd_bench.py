"""Ten thousand users of one client process, who all start at once in a closed loop: how many requests fail.

The listener, the stub, has room for 1024 connections that it has not accepted yet.
"""

import tempfile
from pathlib import Path

from clients import payload_file, run_ours
from harness import publish, within
from mmebench.record.samples import read_samples
from mmebench.spec import Stage
from servers import stub_server

ROUNDS = 3
USERS = 10_000
SECONDS = 20


def offer() -> tuple[int, float]:
    """Requests that failed, and the seconds that the slowest one took, with its connection."""
    with stub_server() as server, tempfile.TemporaryDirectory() as scratch:
        samples = Path(scratch, "samples.arrows")
        run_ours(server, payload_file(1000), [Stage(users=USERS, duration=SECONDS, warmup=0)], samples=samples)
        found = read_samples(samples)
    latency_ns = found["end_ns"].to_numpy() - found["start_ns"].to_numpy()
    return len(found) - found["error"].null_count, float(latency_ns.max()) / 1e9


def main() -> None:
    """Offer the load, publish."""
    failed, slowest = zip(*(offer() for _ in range(ROUNDS)), strict=True)
    figure = f"{USERS} users of one process"
    publish(
        "crowd",
        [
            within(f"{figure}: failed requests", "", list(map(float, failed)), "a limit", 0.5),
            within(f"{figure}: slowest request", "s", list(slowest), "a limit", 10),
        ],
    )


if __name__ == "__main__":
    main()
