"""``mmebench doctor``: whether this machine serves, and whether a spec can be run on SageMaker."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.cli.options import set_option

if TYPE_CHECKING:
    from mmebench.endpoints.finding import Finding

_MARKS = {True: "pass", False: "FAIL", None: "?   "}


@click.command()
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@set_option
def doctor(spec: Path | None, overrides: tuple[str, ...]) -> int:
    """Look at everything that a benchmark needs, and say what to do where it is not there.

    Without SPEC, or with one whose endpoint is local, on this machine: GPUs, Triton, runtimes, disk, limits. With
    one for SageMaker, on AWS: nothing is created there.
    """
    from mmebench.privacy import hide_accounts

    failed = False
    for finding in _findings(spec, overrides):
        failed |= finding.passed is False
        click.echo(hide_accounts(f"{_MARKS[finding.passed]}  {finding.name}: {finding.text}"))
    return 1 if failed else 0


def _findings(path: Path | None, overrides: tuple[str, ...]) -> "Iterator[Finding]":
    from mmebench.errors import BadInputError
    from mmebench.spec import LocalEndpoint
    from mmebench.spec.reading import load_spec

    if path is None and overrides:
        raise BadInputError("--set changes a SPEC; give one, or leave --set out")
    if path is None or isinstance(load_spec(path, overrides).endpoint, LocalEndpoint):
        from mmebench.server import doctor as machine

        return machine.examine()
    from mmebench.cli.sagemaker import read_spec
    from mmebench.endpoints.sagemaker import doctor as sagemaker
    from mmebench.models.device import is_compiled_there

    wanted, endpoint, builds = read_spec(path, overrides)
    kinds = [kind for fleet in wanted.fleets for kind in fleet.kinds]
    compiles = any(is_compiled_there(kind.model, kind.platform, endpoint) for kind in kinds)
    return sagemaker.examine(endpoint, len(wanted.platforms), builds, compiles)
