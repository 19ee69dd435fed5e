"""``mmebench worker``: this host's share in a load that another host leads."""

from pathlib import Path

import click

from mmebench.errors import BadInputError


@click.command()
@click.argument("conductor", metavar="HOST:PORT")
@click.option(
    "--processes", default=1, show_default=True, type=click.IntRange(1, 256), help="Client processes on this host."
)
@click.option("--stay", is_flag=True, help="Serve load after load, until Ctrl-C or SIGTERM.")
@click.option(
    "--token",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file, mode 0600, with the token of the load; instead of MMEBENCH_TOKEN.",
)
@click.option("--insecure", is_flag=True, help="Trust whoever listens there: no token, no encryption.")
def worker(conductor: str, processes: int, stay: bool, token: Path | None, insecure: bool) -> int:
    """Send requests for the load that listens at HOST:PORT, now or later, until it is over.

    HOST:PORT is the spec's workload.workers.listen, on the host where mmebench run or load is started. What to
    send comes from there; the endpoint must be reachable from here, and credentials are those of this host. Both
    hosts have the same token.
    """
    from mmebench.load.processes.join import join_load, serve_loads
    from mmebench.load.processes.token import token_for

    host, _, port = conductor.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise BadInputError(
            f"got {conductor!r}; allowed: HOST:PORT, where the load listens, with a port from 1 to 65535; give "
            "the spec's workload.workers.listen"
        )
    shared = token_for(host, token, insecure)
    click.echo(f"waiting for {'loads' if stay else 'the load'} that {conductor} leads; Ctrl-C ends it", err=True)
    if stay:
        serve_loads(conductor, processes, shared)
    join_load(conductor, processes, shared)
    return 0
