"""The line below a picture: on what it was measured, with which versions, and when."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mmebench.record.run import Run

_FOREIGN = "from Locust's history; no record of the run"


def footer_of(run: Run | None) -> str:
    """Of one run; of the result of another tool only that it is one."""
    return footer_of_all([run])


def footer_of_all(runs: Sequence[Run | None]) -> str:
    """Of several runs: what differs between them is listed, of dates the first and the last."""
    known = [run for run in runs if run is not None]
    if not known:
        return _FOREIGN
    days = sorted({run.finished_at[:10] for run in known})
    parts = [
        _listed(run.container for run in known),
        _listed(_machine(run) for run in known),
        "mmebench " + _listed(run.environment["versions"]["mmebench"] for run in known),
        days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
    ]
    if len(known) < len(runs):
        parts.append("others from Locust's history")
    return " · ".join(parts)


def _machine(run: Run) -> str:
    """What mmebench ran on, and the endpoint too where that is local."""
    machine = f"{run.environment['processor']}, {run.environment['cpus']} CPUs"
    gpus = run.environment.get("gpus", [])
    for name, count in Counter(gpu["name"] for gpu in gpus).items():
        machine += f", {count} x {name}"
    if gpus:
        machine += f" (driver {gpus[0]['driver']}, CUDA {gpus[0]['cuda']})"
    return machine if run.spec.get("endpoint", {}).get("kind") == "local" else f"client on {machine}"


def _listed(texts: Iterable[str]) -> str:
    """Each once; of many only how many."""
    different = list(dict.fromkeys(texts))
    return " and ".join(different) if len(different) <= 2 else f"{different[0]} and {len(different) - 1} others"
