"""Ten thousand users of one client process, who all start at once in a closed loop: how many requests fail.

The listener, the stub, has room for 1024 connections that it has not accepted yet.
"""

import tempfile
from pathlib import Path

from clients import payload_file, run_ours
from harness import publish, within
from mmebench.record.samples import keep_samples, read_samples
from mmebench.spec import Stage
from servers import stub_server

ROUNDS = 3
USERS = 10_000
SECONDS = 20


def offer() -> float:
    """Requests that failed."""
    with stub_server() as server, tempfile.TemporaryDirectory() as scratch:
        samples = Path(scratch, "samples.arrows")
        run_ours(server, payload_file(1000), [Stage(users=USERS, duration=SECONDS, warmup=0)], samples=samples)
        keep_samples(samples, kept := Path(scratch, "samples.parquet"))
        found = read_samples(kept)
    return float(len(found) - found["error"].null_count)


def main() -> None:
    """Offer the load, publish."""
    figure = f"{USERS} users of one process: failed requests"
    publish("crowd", [within(figure, "", [offer() for _ in range(ROUNDS)], "a limit", 0.5)])


if __name__ == "__main__":
    main()
