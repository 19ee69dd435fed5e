"""``mmebench tune``: which configuration is best."""

from pathlib import Path

import click

from mmebench.cli.options import Output, benchmark_options, choose_web_port, say


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@benchmark_options
def tune(spec: Path, results: Path, overrides: tuple[str, ...], ui: bool, ui_port: int, output: Output) -> int:
    """Try configurations of SPEC, whose `tune` says what may be changed and what is to be best.

    Each trial is a run like any other. Started again, it goes on where it was; the best is in best.yaml, a spec
    that `mmebench run` takes.
    """
    from mmebench.spec.reading import load_spec

    wanted = load_spec(spec, overrides)  # a mistake need not wait for what takes long to import
    from mmebench.benchmark.tuning import tune as tuning
    from mmebench.cli.as_json import print_json
    from mmebench.cli.outcome import gravest, shown
    from mmebench.errors import BadInputError, MmebenchError
    from mmebench.report.words.tuning import describe_tuning, tuning_table

    with shown(results, output, choose_web_port(ui, ui_port)) as (progress, pages):
        tuned = tuning.tune(wanted, results, progress, pages)
    exit_code = gravest(tuned.problems, default=0 if tuned.best else 1)
    if exit_code == BadInputError.exit_code:  # of some combinations only: trials that failed
        exit_code = MmebenchError.exit_code
    lines = (*describe_tuning(tuned.record), f"No further trial: {tuned.ended_by}.")
    if output.as_json:
        print_json(
            tuned.record.model_dump(mode="json")
            | {
                "directory": str(tuned.directory),
                "best_spec": None if tuned.best is None else str(tuned.best),
                "lines": lines,
                "problems": [str(problem) for problem in tuned.problems],
                "staying": tuned.staying,
                "exit_code": exit_code,
            }
        )
    else:
        from rich.console import Console

        console = Console()
        console.print(tuning_table(tuned.record))
        best = () if tuned.best is None else (f"The best as a spec: {tuned.best}",)
        for line in (*lines, *best, f"Results, charts and samples: {tuned.directory}/", *tuned.staying):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    for problem in tuned.problems:
        say(problem)
    return exit_code
