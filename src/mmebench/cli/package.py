"""``mmebench package``: model to archives."""

from pathlib import Path

import click

from mmebench.cli.options import set_option


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder that gets one archive and its record for each platform.",
)
@set_option
def package(spec: Path, output: Path, overrides: tuple[str, ...]) -> None:
    """Export SPEC's model to each of its platforms, as archives that Triton loads."""
    from rich.console import Console

    from mmebench.benchmark.progress import describe_package
    from mmebench.models.engine import LocalBuilder, exported_platform, is_built, package_engine
    from mmebench.models.package import package_model
    from mmebench.models.ready_archive import name_platforms
    from mmebench.spec.reading import load_spec

    wanted = name_platforms(load_spec(spec, overrides))
    console = Console()
    for platform in wanted.platforms:
        with console.status(f"{platform.kind}: …") as status:
            if is_built(wanted.model, platform):
                builder, longest = LocalBuilder(), wanted.workload.payload.sequence_length
                form = exported_platform(platform)
                exported = package_model(wanted.model, form, output, status.update, longest)
                made = package_engine(exported, platform, longest, builder, output, status.update)
            else:
                length = wanted.workload.payload.sequence_length
                made = package_model(wanted.model, platform, output, status.update, length)
        console.print(f"{made.archive}: {describe_package(made)}", highlight=False, markup=False, soft_wrap=True)
