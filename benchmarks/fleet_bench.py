"""What a request to a fleet costs the client: three kinds of 1,000 targets each, against one kind of 3,000."""

from collections.abc import Mapping
from functools import partial

from clients import cpu_per_request, payload_file, run_ours
from harness import in_turns, publish, times_as_much
from mmebench.spec import Stage
from servers import stub_server

ROUNDS = 5
CONNECTIONS = 16
SECONDS = 7

FLEET = {"photos": 1000, "reviews": 1000, "films": 1000}
ALONE = {"model": 3000}


def main() -> None:
    """One line: CPU of the client for a request."""
    payload, stage = payload_file(1024), Stage(users=CONNECTIONS, duration=SECONDS)

    def measure(fleet: Mapping[str, int]) -> float:
        return cpu_per_request(run_ours(server, payload, [stage], fleet=fleet)[0])

    with stub_server() as server:
        runs = in_turns(ROUNDS, {"fleet": partial(measure, FLEET), "alone": partial(measure, ALONE)})
    figure = "CPU a request, 3 kinds x 1,000 targets"
    against = "one kind x 3,000 targets"
    publish("fleet", [times_as_much(figure, "us", runs["fleet"], against, runs["alone"], 1.1, lambda us: us)])


if __name__ == "__main__":
    main()
