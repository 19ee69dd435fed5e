"""``mmebench worker``: this host's share in a load that another host leads."""

import click

from mmebench.errors import BadInputError


@click.command()
@click.argument("conductor", metavar="HOST:PORT")
@click.option(
    "--processes", default=1, show_default=True, type=click.IntRange(1, 256), help="Client processes on this host."
)
def worker(conductor: str, processes: int) -> int:
    """Send requests for the load that listens at HOST:PORT, until it is over.

    HOST:PORT is the spec's workload.workers.listen, on the host where mmebench run or load is started. What to
    send comes from there; the endpoint must be reachable from here, and credentials are those of this host.
    """
    from mmebench.load.processes.process import join_load

    host, _, port = conductor.rpartition(":")
    if not host or not port.isdecimal():
        raise BadInputError(f"got {conductor!r}; allowed: HOST:PORT, where the load listens")
    join_load(conductor, processes)
    return 0
