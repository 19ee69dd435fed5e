"""``mmebench serve``: archives of a folder or of S3 as a local multi-model endpoint."""

import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from mmebench.errors import BadInputError

if TYPE_CHECKING:
    from mmebench.server.memory.archives import ArchiveSource
    from mmebench.spec.endpoints import LocalEndpoint

_INTERRUPTED = 130


@click.command()
@click.argument("archives", metavar="DIRECTORY_OR_S3_PREFIX")
@click.option("--name", default="local", show_default=True, help="Name of the endpoint.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option(
    "--hosting",
    metavar="multi-model|components|single",
    help="components: each target stays in memory; single: each has an instance of its own.",
)
@click.option("--instances", metavar="N", help="So many behind it, each with memory and a container of its own.")
@click.option(
    "--routing",
    metavar="sticky|hashed|random|least_outstanding",
    help="Which of several instances gets a request; sticky, as SageMaker says of its own, unless told.",
)
@click.option(
    "--autoscaling",
    metavar="max=N,invocations_per_instance=N",
    help="So many instances as their requests a minute need, as target tracking has it; --instances at first.",
)
@click.option(
    "--busy", metavar="N", help="Sticky: from so many requests in service on, a second copy elsewhere; 8."
)
@click.option(
    "--memory",
    metavar="SIZE",
    help="What all targets of an instance may use: of each GPU what is free unless told, without any 4GiB.",
)
@click.option("--host-memory", metavar="SIZE", help="What they may use of the host's memory beside GPUs.")
@click.option("--devices", metavar="0,1", help="GPUs to run on, by their numbers; all unless told. '': the CPU.")
@click.option("--disk", metavar="SIZE", help="What unpacked archives may use; all there is unless told.")
@click.option(
    "--container",
    metavar="auto|triton|python|URL",
    default="auto",
    show_default=True,
    help="auto: triton where it runs, else the Python fallback. A URL: any server of the MME container contract.",
)
@click.option(
    "--model-directory",
    metavar="DIR",
    help="Where a container by URL finds unpacked archives, by the same path; /opt/ml/models unless told.",
)
@click.option(
    "--model-cache-setting",
    default="Enabled",
    show_default=True,
    type=click.Choice(["Enabled", "Disabled"], case_sensitive=False),
    help="Disabled: a target leaves memory and disk after use, as on SageMaker.",
)
@click.option(
    "--load-concurrency", metavar="N", help="Targets loaded at once; 2, or one a core without model cache."
)
@click.option(
    "--require-sigv4",
    is_flag=True,
    help="Refuse invocations that are not signed with the AWS credentials of this process.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    help="Another host name by which it may be asked, and from whose pages; loopback addresses always may.",
)
@click.option("--log", type=click.Path(path_type=Path), help="Append the log to this file instead of stderr.")
def serve(
    archives: str,
    port: int,
    log: Path | None,
    require_sigv4: bool,
    allowed_hosts: tuple[str, ...],
    **options: str | None,
) -> int:
    """Serve the archives (*.tar.gz) below a directory or an S3 prefix as a multi-model endpoint on this machine.

    TargetModel is an archive's path relative to DIRECTORY or s3://bucket/prefix; archives may come and go while it
    serves. Prints "ready URL" once it answers. Ctrl-C or SIGTERM ends it.
    """
    # Before gRPC is imported, which would complain at each fork; what we start is executed at once.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    from mmebench.server import server
    from mmebench.server.log import Moderation
    from mmebench.wire.verification import SignatureCheck

    endpoint = _endpoint({name: value for name, value in options.items() if value is not None})
    source = _source(archives)
    signatures = SignatureCheck.from_environment() if require_sigv4 else None
    with _log_output(log) as output, open(output.fileno(), "w", closefd=False) as text:
        handler = logging.StreamHandler(text)
        handler.addFilter(Moderation())
        logging.basicConfig(
            handlers=[handler], level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        if source.is_empty():
            click.echo(f"{archives} holds no archive yet; put *.tar.gz files there at any time", err=True)
        # What was imported stays, and is not looked through while somebody waits for an answer.
        gc.freeze()
        gc.set_threshold(700)
        ended_by = server.serve(
            endpoint,
            source,
            port,
            output,
            lambda url: click.echo(f"ready {url}/invocations"),
            signatures,
            allowed_hosts,
        )
    return _INTERRUPTED if ended_by is signal.SIGINT else 0


def _source(archives: str) -> "ArchiveSource":
    """A folder or S3, whichever the argument names."""
    from mmebench.server.memory.folder import ArchiveFolder
    from mmebench.server.memory.s3 import SCHEME, S3Archives

    if archives.startswith(SCHEME):
        return S3Archives(archives)
    directory = Path(archives)
    if not directory.is_dir():
        raise BadInputError(
            f"{directory}: no such directory; give the folder that holds the model.tar.gz files, or s3://bucket/prefix"
        )
    return ArchiveFolder(directory.resolve())


def _log_output(path: Path | None) -> IO[bytes]:
    """Where this process and the container write what they do."""
    try:
        return open(sys.stderr.fileno() if path is None else path, "ab", buffering=0, closefd=path is not None)
    except OSError as error:
        raise BadInputError(f"--log {path}: {error.strerror}; give a file that can be written") from None


def _endpoint(options: dict[str, str]) -> "LocalEndpoint":
    """The options as the spec knows them, which also says what is allowed."""
    from pydantic import ValidationError

    from mmebench.spec.endpoints import LocalEndpoint
    from mmebench.spec.mistakes import find_mistakes

    try:
        return LocalEndpoint.model_validate(options)
    except ValidationError as error:
        raise BadInputError("; ".join(map(_of_option, find_mistakes(error, LocalEndpoint)))) from None


def _of_option(mistake: str) -> str:
    """``memory: got …`` as ``--memory: got …``."""
    field, _, what = mistake.partition(":")
    name, _, part = field.partition(".")
    option = f"--{name.replace('_', '-')}"
    of = f" {part}:" if part and not part.isdigit() else ""
    return f"{option}:{of}{what.replace(f'write e.g. {field}: ', f'write e.g. {option} ')}"
