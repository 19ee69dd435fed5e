"""``mmebench check``: what a run would do, and everything that would be refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.cli.options import json_option, set_option

if TYPE_CHECKING:
    from mmebench.benchmark.forecast import Forecast, Hosted

_MODELS = 20
"""Of a fleet: so many are listed."""


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@set_option
@json_option
def check(spec: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Say what `mmebench run SPEC` would do: runs, stages, minutes, dollars. Starts nothing, creates nothing.

    What would be refused is refused here; what only a model or an endpoint can tell, its size for example, is not
    known yet. `mmebench doctor` looks at the machine or the account.
    """
    from mmebench.benchmark.forecast import make_forecast
    from mmebench.benchmark.kind import naming
    from mmebench.benchmark.wanted import check_endpoints, find_wanted, foresee
    from mmebench.cli.as_json import print_json
    from mmebench.models.ready_archive import check_archive
    from mmebench.spec import FileModel
    from mmebench.spec.reading import load_spec

    asked = load_spec(spec, overrides)
    tuning = None
    if asked.tune is not None:
        from mmebench.benchmark.tuning.tune import check_tuning

        tuning = check_tuning(asked)
    wanted = find_wanted(asked)
    for each in wanted:
        for kind in each.fleet.kinds:
            if isinstance(kind.model, FileModel) and kind.model.is_ready_archive:
                with naming(kind):
                    check_archive(kind.model, kind.platform)
    forecast = make_forecast(wanted, check_endpoints(wanted))
    trials = None if tuning is None else tuning.most
    doubts = list(dict.fromkeys(what for each in wanted for what in foresee(each.spec)))
    if as_json:
        print_json(forecast._asdict() | {"usd": forecast.usd, "doubts": doubts, "trials": trials})
        return 0
    lines = [*_lines(forecast)]
    if tuning is not None:
        lines.append(
            f"mmebench tune tries up to {trials} of {tuning.combinations or 'endless'} combinations, each a run "
            "like that"
        )
    for line in (f"{spec}: nothing in it is refused", *lines, *doubts):
        click.echo(line)
    return 0


def _hosted(one: "Hosted") -> str:
    """``photos: resnet18 as onnx, 75% of what fits, 70% of the requests``."""
    from mmebench.units import counted

    model = f"{one.model} as " if one.model else ""
    targets = f"{one.share:.0%} of what fits"
    if one.targets is not None:
        targets = counted(one.targets, "target")
    requests = "requests by the trace"
    if one.requests is not None:
        requests = f"{100 * one.requests:.3g}% of the requests"
    return f"    {one.name}: {model}{one.platform}, {targets}, {requests}"


def _lines(forecast: "Forecast") -> Iterator[str]:
    from mmebench.units import counted, human_seconds

    for run in forecast.runs:
        price = "" if run.usd_per_hour is None else f", ${run.usd_per_hour:.4g} an hour"
        changes = f": {run.changes}" if run.changes else ""
        yield f"  {run.label}{changes}{price}"
    yield from map(_hosted, forecast.models[:_MODELS])
    if len(forecast.models) > _MODELS:
        yield f"    and {len(forecast.models) - _MODELS} more models"
    if forecast.load_seconds is None:
        yield "each: as many stages as it takes to find what is asked for"
    else:
        yield f"each: {counted(forecast.stages or 0, 'stage')}, {human_seconds(forecast.load_seconds)}"
    for title, seconds in forecast.experiments:
        yield f"      {title}, {'for as long as it takes' if seconds is None else human_seconds(seconds)}"
    least = "at least " if forecast.open_ended else ""
    cost = f", ${forecast.usd:.2f}" if forecast.usd else ""
    runs = counted(len(forecast.runs), "run")
    load = "as long as the search takes"
    if forecast.seconds:
        load = f"{least}{human_seconds(forecast.seconds)} of load"
    yield f"{runs}, {load}{cost}; packaging, creating and filling endpoints come on top"
