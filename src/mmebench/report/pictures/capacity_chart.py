"""The filling of an endpoint as a picture."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from mmebench.record.run import Capacity
from mmebench.report.kinds import ShownKind
from mmebench.report.palette import COLOURS, QUIET, colour_of
from mmebench.report.pictures.pictures import finish

_MIB = 2**20


def draw_capacity(capacity: Capacity, title: str, footer: str, kinds: Sequence[ShownKind] = ()) -> Figure:
    """Memory in use over targets loaded, where anybody says, and how long each first invocation took.

    Args:
        capacity: what was found.
        title: what was measured.
        footer: on what, and when.
        kinds: of a fleet, as its other pictures show them.
    """
    copies = range(1, len(capacity.loads) + 1)
    measured = any(load.memory_used is not None for load in capacity.loads)
    figure = Figure(figsize=(12 if measured else 7, 4.4), layout="constrained")
    *memory, seconds = figure.subplots(1, 1 + measured, squeeze=False)[0]
    for axes in memory:
        _draw_memory(axes, capacity, copies)
    first = "first invocation, which waits for the load"
    seconds.set_title(first if measured else f"{capacity.found}\n{first}", fontsize=10)
    _draw_seconds(seconds, capacity, kinds)
    seconds.set_ylabel("seconds")
    for axes in (*memory, seconds):
        axes.set_xlabel("targets in memory")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    finish(figure, footer)
    return figure


def _draw_seconds(axes: Axes, capacity: Capacity, kinds: Sequence[ShownKind]) -> None:
    """A bar a target; of a fleet in the colour of its kind."""
    colours = {member: colour_of(kind.number) for kind in kinds for member in kind.members}
    colour = [colours.get(load.kind or "", COLOURS[2]) for load in capacity.loads]
    axes.bar(range(1, len(colour) + 1), [load.seconds for load in capacity.loads], color=colour)
    if kinds:
        axes.legend(
            handles=[Patch(color=colour_of(kind.number), label=kind.name) for kind in kinds],
            frameon=False,
            fontsize=8,
        )


def _draw_memory(memory: Axes, capacity: Capacity, copies: range) -> None:
    used = [_mib(load.memory_used) for load in capacity.loads]
    memory.plot(copies, used, marker="o", color=COLOURS[0], label="after the largest batch that the load can form")
    loaded = [_mib(load.memory_loaded) for load in capacity.loads]
    memory.plot(copies, loaded, marker="s", linestyle=":", color=COLOURS[1], label="after one request to the last")
    if capacity.memory_budget:
        memory.axhline(capacity.memory_budget / _MIB, color=QUIET, linestyle="--", label="budget")
    memory.set_title(_describe_capacity(capacity), fontsize=10)
    what = "growth of GPU memory" if capacity.by_growth else "memory of all targets"
    memory.set_ylabel(f"GPU {what}, MiB" if capacity.gpus and not capacity.by_growth else f"{what}, MiB")
    memory.set_ylim(0, None)
    memory.legend(frameon=False, fontsize=8, loc="lower right")


def _mib(size: int | None) -> float:
    return math.nan if size is None else size / _MIB


def _describe_capacity(capacity: Capacity) -> str:
    text = capacity.found
    if capacity.kinds:  # of which each takes something else: the picture by model has it
        return f"{text}\n{capacity.places}" if capacity.places else text
    if capacity.bytes_per_copy is not None:
        text += f"; {capacity.bytes_per_copy / _MIB:.0f} MiB a copy"
    if capacity.bytes_per_copy_bounds is not None:
        low, high = (bound / _MIB for bound in capacity.bytes_per_copy_bounds)
        text += f" ({low:.0f} to {high:.0f} with 95 % confidence)"
    if capacity.kept_per_copy is not None:
        text += f",\nof which the framework keeps {capacity.kept_per_copy / _MIB:.0f} MiB for later"
    if capacity.host_bytes_per_copy is not None:
        text += f",\nand {capacity.host_bytes_per_copy / _MIB:.0f} MiB of the host's memory"
    return f"{text}\n{capacity.places}" if capacity.places else text
