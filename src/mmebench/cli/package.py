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
    help="The folder that gets one archive and its record for each platform; of a fleet, a folder for each model.",
)
@set_option
def package(spec: Path, output: Path, overrides: tuple[str, ...]) -> None:
    """Export SPEC's model to each of its platforms, or its models to theirs, as archives that Triton loads."""
    from rich.console import Console

    from mmebench.benchmark.progress import describe_package
    from mmebench.models.archive_completion import complete_archives
    from mmebench.models.engine import LocalBuilder, exported_platform, package_engine
    from mmebench.models.package import package_model
    from mmebench.spec.reading import load_spec

    wanted = complete_archives(load_spec(spec, overrides))
    console = Console()
    for fleet in wanted.fleets:
        for kind in fleet.kinds:
            what, folder = kind.name or kind.platform.kind, output if kind.name is None else output / kind.name
            longest = kind.payload.sequence_length
            with console.status(f"{what}: …") as status:
                if kind.platform.built and not kind.model.is_ready_archive:
                    builder = LocalBuilder()
                    form = exported_platform(kind.platform, builder)
                    exported = package_model(kind.model, form, folder, status.update, longest)
                    made = package_engine(exported, kind.platform, longest, builder, folder, status.update)
                else:
                    made = package_model(kind.model, kind.platform, folder, status.update, longest)
            said = f"{made.archive}: {describe_package(made)}"
            console.print(said, highlight=False, markup=False, soft_wrap=True)
