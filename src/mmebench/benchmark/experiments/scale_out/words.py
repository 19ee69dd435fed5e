"""What a scale-out came to, in words, with table and picture."""

from collections.abc import Iterator

from mmebench.benchmark.experiments.scale_out.figures import ScaledOut, read_scale_out
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Price, Run
from mmebench.record.tables import write_table
from mmebench.units import counted, human_seconds


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    first, price = _first(run), run.price
    if price is not None:
        price = Price(usd_per_hour=price.usd_per_hour / first, source=price.source)
    found = read_scale_out(files.loads, first, price)
    if found is None:
        return []
    from mmebench.benchmark.experiments.scale_out.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    write_table(found.stretches, files.table, "%.6g")
    draw_changed([Picture(files.chart, draw, (found, f"{run.title}: a step of the load", footer))])
    return [f"{run.called}: after a step of the load, {'; '.join(_parts(found, first))}"]


def _parts(found: ScaledOut, first: int) -> Iterator[str]:
    if first > 1:
        yield f"{first} instances serve before it"
    if found.alarm is None:
        yield "no instance was asked for: it asks for no more than those that serve are to get"
    elif not found.added:
        yield f"the alarm after {human_seconds(found.alarm)}, and no instance came until the end"
    else:
        at, instances = found.added[-1]
        served = f"{instances} instances serve after {human_seconds(at)}"
        yield f"the alarm after {human_seconds(found.alarm)}, and {served}"
        if found.to_added is not None:
            yield f"{found.to_added:.0%} of the requests since then went to those that came"
        hits = "" if found.stretches["hit_ratio"].isna().all() else f"hit ratio {_back(found.recovered.hits)}, "
        yield f"{hits}p99 {_back(found.recovered.latency)}"
        if len(found.held):  # else nobody says
            twice = int((found.held["copies"] - found.held["targets"]).max())
            yield f"{counted(twice, 'target')} in memory twice at most" if twice else "no target in memory twice"
    of = counted(found.after, "request")
    yield f"of {of} {found.failed} failed and {found.slow} took over twice the usual p99"
    if found.usd is not None:
        yield f"${found.usd:,.2f} for instances from the step on"


def _back(seconds: float | None) -> str:
    return f"as before {'not until the end' if seconds is None else f'after {human_seconds(seconds)}'}"


def _first(run: Run) -> int:
    """Instances that serve before anything is added."""
    endpoint = run.spec.get("endpoint", {})
    return int(endpoint.get("instances", endpoint.get("instance_count", 1)))
