"""The filling of an endpoint as a picture."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from mmebench.record.run import Capacity
from mmebench.report.kinds import ShownKind
from mmebench.report.palette import COLOURS, QUIET, colour_of
from mmebench.report.pictures.pictures import finish

_MIB = 2**20
_PALE = 0.4
"""How opaque a bar is of a target that was not loaded by itself."""


def draw_capacity(capacity: Capacity, title: str, footer: str, kinds: Sequence[ShownKind] = ()) -> Figure:
    """Memory in use over targets loaded, where anybody says, and how long each first invocation took.

    Args:
        capacity: what was found.
        title: what was measured.
        footer: on what, and when.
        kinds: of a fleet, as its other pictures show them.
    """
    measured = any(load.memory_used is not None for load in capacity.loads)
    figure = Figure(figsize=(12 if measured else 7, 4.4), layout="constrained")
    *memory, seconds = figure.subplots(1, 1 + measured, squeeze=False)[0]
    for axes in memory:
        _draw_memory(axes, capacity)
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
    """A bar a target; of a fleet in the colour of its kind, and pale where others were loaded beside it."""
    colours = {member: colour_of(kind.number) for kind in kinds for member in kind.members}
    colour = [
        to_rgba(colours.get(load.kind or "", COLOURS[2]), _PALE if load.beside else 1) for load in capacity.loads
    ]
    axes.bar(range(1, len(colour) + 1), [load.seconds for load in capacity.loads], color=colour)
    handles = [Patch(color=colour_of(kind.number), label=kind.name) for kind in kinds]
    most = max(load.beside for load in capacity.loads)
    if most:
        handles = [
            Patch(color=COLOURS[2], label="by itself"),
            Patch(
                color=to_rgba(COLOURS[2], _PALE),
                label=f"beside up to {most} others" if most > 1 else "beside another",
            ),
        ]
    if handles:
        axes.legend(handles=handles, frameon=False, fontsize=8)


def _draw_memory(memory: Axes, capacity: Capacity) -> None:
    used = [load.memory_used for load in capacity.loads]
    memory.plot(
        *_known(used), marker="o", color=COLOURS[0], label="after the largest batch that the load can form"
    )
    loaded = [load.memory_loaded for load in capacity.loads]
    memory.plot(
        *_known(loaded), marker="s", linestyle=":", color=COLOURS[1], label="after one request to the last"
    )
    if capacity.memory_budget:
        memory.axhline(capacity.memory_budget / _MIB, color=QUIET, linestyle="--", label="budget")
    memory.set_title(_describe_capacity(capacity), fontsize=10)
    what = "growth of GPU memory" if capacity.by_growth else "memory of all targets"
    memory.set_ylabel(f"GPU {what}, MiB" if capacity.gpus and not capacity.by_growth else f"{what}, MiB")
    memory.set_ylim(0, None)
    memory.legend(frameon=False, fontsize=8, loc="lower right")


def _known(sizes: Sequence[int | None]) -> tuple[list[int], list[float]]:
    """For how many targets it is known, and how many MiB it is."""
    known = [(number, size / _MIB) for number, size in enumerate(sizes, 1) if size is not None]
    return [number for number, _ in known], [size for _, size in known]


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
