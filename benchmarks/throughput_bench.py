"""Requests per second that a second of the client's CPU buys: 16 connections, plain HTTP and TLS 1.3."""

from collections.abc import Callable

from clients import cpu_per_request, payload_file, run_bare, run_boto3, run_ours, run_wrk
from harness import Figure, in_turns, publish, times_as_much, times_better
from mmebench.spec import Stage
from servers import Server, stub_server, tls_server

ROUNDS = 3
CONNECTIONS = 16
SECONDS = 7

BOTO3 = "boto3 in a Locust user, body read"
UNREAD = "boto3 in a Locust user, body unread"
WRK = "wrk, unsigned"
BARE = "a bare loop of send and receive in Python"
OURS = "mmebench"


def measure(server: Server, size: int) -> dict[str, list[float]]:
    """Microseconds of CPU for each request, of each client."""
    payload = payload_file(size)
    stage = Stage(users=CONNECTIONS, duration=SECONDS)
    boto3_stages = [(CONNECTIONS, float(SECONDS))]
    measures: dict[str, Callable[[], float]] = {
        OURS: lambda: cpu_per_request(run_ours(server, payload, [stage])[0]),
        BOTO3: lambda: cpu_per_request(run_boto3(server, payload, boto3_stages)),
        UNREAD: lambda: cpu_per_request(run_boto3(server, payload, boto3_stages, read_body=False)),
        WRK: lambda: run_wrk(server, payload, CONNECTIONS, SECONDS),
        BARE: lambda: run_bare(server, payload, CONNECTIONS, SECONDS),
    }
    return in_turns(ROUNDS, measures)


def compare(
    case: str, runs: dict[str, list[float]], against_boto3: float, against_wrk: float | None
) -> list[Figure]:
    """The lines of one case."""
    figure, unit, ours = f"requests per client CPU-second, {case}", "1/s", runs[OURS]

    def rate(microseconds: float) -> float:
        return 1e6 / microseconds

    return [
        times_better(figure, unit, ours, BOTO3, runs[BOTO3], against_boto3, rate),
        times_better(figure, unit, ours, UNREAD, runs[UNREAD], None, rate),
        times_as_much(figure, unit, ours, WRK, runs[WRK], against_wrk, rate),
        times_as_much(figure, unit, ours, BARE, runs[BARE], None, rate),
    ]


def main() -> None:
    """All four cases."""
    figures: list[Figure] = []
    with stub_server() as server:
        figures += compare("1 KB", measure(server, 1024), 100, 1.5)
        figures += compare("602 KB", measure(server, 602_112), 20, None)
    with tls_server() as server:
        figures += compare("1 KB, TLS 1.3", measure(server, 1024), 80, 1.3)
        figures += compare("602 KB, TLS 1.3", measure(server, 602_112), 6, None)
    publish("throughput", figures)


if __name__ == "__main__":
    main()
