"""What 200 users cost until each has had its first answer: CPU and memory, against a boto3 session for each.

Both clients first run with one user, so that what they need anyway is there, and what they use while they do
nothing is known and subtracted; then 200 more are started. Users think so long that they ask only once.
"""

from collections.abc import Callable

from clients import Observation, payload_file, run_boto3, run_ours
from harness import publish, times_better
from mmebench.spec import ClosedLoop, Stage
from servers import stub_server

ROUNDS = 2
ADDED = 200
ALONE_SECONDS = 5
BOTO3 = "a boto3 session and client for each user, in Locust"


def started(observations: list[Observation]) -> tuple[float, float]:
    """CPU seconds and MiB that the added users took."""
    alone = [observation for observation in observations if observation.users == 1]
    settled, last_alone = alone[1], alone[-1]
    all_there = next(observation for observation in observations if observation.requests >= ADDED + 1)
    idle = (last_alone.cpu - settled.cpu) / (last_alone.seconds - settled.seconds)
    cpu = all_there.cpu - last_alone.cpu - idle * (all_there.seconds - last_alone.seconds)
    return max(cpu, 0.001), (all_there.memory - last_alone.memory) / 2**20


def main() -> None:
    """Both, in turns."""
    payload = payload_file(1024)
    with stub_server() as server:
        stages = [Stage(users=1, duration=ALONE_SECONDS), Stage(users=1 + ADDED, duration=5)]
        clients: dict[str, Callable[[], list[Observation]]] = {
            "ours": lambda: run_ours(server, payload, stages, ClosedLoop(think_time=600))[0],
            BOTO3: lambda: run_boto3(
                server, payload, [(1, ALONE_SECONDS), (1 + ADDED, 120)], think_time=600, enough=1 + ADDED
            ),
        }
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
        for _ in range(ROUNDS):
            for name, run in clients.items():
                runs[name].append(started(run()))
    cpu, memory = ({name: [pair[which] for pair in pairs] for name, pairs in runs.items()} for which in (0, 1))
    publish(
        "startup",
        [
            times_better(f"CPU to start {ADDED} users", "s", cpu["ours"], BOTO3, cpu[BOTO3], 100, float),
            times_better(f"memory of {ADDED} users", "MiB", memory["ours"], BOTO3, memory[BOTO3], 50, float),
        ],
    )


if __name__ == "__main__":
    main()
