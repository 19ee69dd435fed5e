"""A plan in words, and as tables for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from mmebench.record.plan import Option, Percentiles, PlanRecord, Point, Scenario
from mmebench.report.words.table import narrow_table, on_lines
from mmebench.units import human_number, human_seconds

_MOST_SWAYS = 3
EXPLAINED = (
    "hit: requests that found their model in memory, cold: others. Latencies in ms. cold/s: loads that begin. "
    "use: requests over the most that instances answer; loads: their time over the most that instances get done. "
    "The answer is simulated, request by request; a month has 730 hours."
)
"""Below a table of options."""


def describe_plan(record: PlanRecord) -> tuple[str, ...]:
    """How many of what, what limits it, what would change it, and what is taken for granted; a sentence each."""
    return tuple(_sentences(record))


def _sentences(record: PlanRecord) -> Iterator[str]:
    several = len(record.options) > 1
    for option in record.ranked:
        yield _answer(record, option)
        if option.instances is None:
            continue
        if option.limits:
            yield f"What limits it: {option.limits}."
        if option.computed is not None and option.computed != option.instances:
            yield f"By formula it would be {option.computed}; the simulation, which is told here, sees more."
        yield from _swayed(option)
        yield from (f"{scenario.title}: {scenario.answer}." for scenario in option.scenarios)
        if option.checked:
            yield "Checked on the endpoint itself: " + "; ".join(_checked(option)) + "."
    shown = record.best or record.ranked[0]
    said = f" for {shown.run}" if several else ""
    yield from (f"Assumed{said}: {text}" for text in shown.assumptions)
    yield from (f"Left out: {text}." for text in record.left_out)


def _answer(record: PlanRecord, option: Option) -> str:
    what = f"{option.model} as {option.platform} on {option.instance_type}"
    fleet = f"{record.models:,} models at {human_number(record.rate)} requests/s ({record.traffic})"
    point = option.answer
    if option.instances is None or point is None:
        return f"{what}: no number of instances holds {record.objectives}: {option.impossible}."
    dollars = "" if point.usd_per_month is None else f"; ${point.usd_per_month:,.0f} a month"
    plural = "instance holds" if option.instances == 1 else "instances hold"
    if not point.held:
        missed = ", ".join(point.missed)
        plural = "instance does" if option.instances == 1 else "instances do"
        return f"{what}: {option.instances} {plural} not hold {fleet}: {missed}, of {record.objectives}{dollars}."
    p99 = "" if point.all.p99_ms is None else f" with p99 {human_seconds(point.all.p99_ms / 1e3)}"
    hits = "" if point.hit_ratio is None else f", {point.hit_ratio:.2%} of requests warm"
    return f"{what}: {option.instances} {plural} {fleet}{p99}{hits}{dollars}."


def _swayed(option: Option) -> Iterator[str]:
    known = [
        each
        for each in option.sways
        if each.instances_low != option.computed or each.instances_high != option.computed
    ]
    if not known and option.sways:
        yield "No measured figure changes the answer within its interval, and no assumption does."
    for each in known[:_MOST_SWAYS]:
        few, many = (_count(count) for count in (each.instances_low, each.instances_high))
        yield f"Sensitive to {each.figure}: {few} with {each.low}, {many} with {each.high}."


def _count(count: int | None) -> str:
    return "no number of instances" if count is None else f"{count} instances"


def _checked(option: Option) -> Iterator[str]:
    for each in option.checked:
        predicted, measured = (f"{human_number(value)}{each.unit}" for value in (each.predicted, each.measured))
        yield f"{each.figure} {predicted} predicted, {measured} measured"


def plan_table(record: PlanRecord) -> Table:
    """A line an option, the cheapest first; in 80 columns."""
    table = narrow_table(
        f"{record.models:,} models, {human_number(record.rate)} requests/s, {record.objectives}", EXPLAINED
    )
    table.add_column("platform", no_wrap=True)
    priced = any(option.usd_per_hour is not None for option in record.options)
    for name in (
        "inst.",
        *(["$/month"] if priced else []),
        "hit",
        "p50",
        "p99",
        "cold p99",
        "cold/s",
        "use",
        "loads",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for option in record.ranked:
        table.add_row(
            "\n".join([*on_lines(option.platform), *on_lines(option.instance_type)]), *_cells(option, priced)
        )
    return table


def _cells(option: Option, priced: bool) -> list[str]:
    point = option.answer
    if point is None:
        return ["none"]
    return [
        str(point.instances),
        *(["" if point.usd_per_month is None else f"{point.usd_per_month:,.0f}"] if priced else []),
        "" if point.hit_ratio is None else f"{point.hit_ratio:.1%}",
        *(
            "" if each is None else human_number(each)
            for each in (point.all.p50_ms, point.all.p99_ms, point.cold.p99_ms)
        ),
        human_number(point.loads_per_s),
        f"{point.utilisation:.0%}",
        f"{point.loading:.0%}",
    ]


def scenario_tables(record: PlanRecord) -> Iterator[Table]:
    """Those of the what-ifs that have one."""
    for option in record.ranked:
        for scenario in option.scenarios:
            if scenario.rows:
                yield _scenario_table(option, scenario)


def _scenario_table(option: Option, scenario: Scenario) -> Table:
    table = narrow_table(f"{scenario.title}: {option.platform} on {option.instance_type}", "")
    for name in scenario.rows[0]:
        table.add_column(name.replace("_", " "))
    for row in scenario.rows:
        table.add_row(*(_in_words(value) for value in row.values()))
    return table


def _in_words(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else human_number(value)


def flat(option: Option, point: Point) -> dict[str, object]:
    """A point as a row of plan.csv."""
    row: dict[str, object] = {
        "run": option.run,
        "instance_type": option.instance_type,
        "platform": option.platform,
        "instances": point.instances,
        "by": point.by,
        "answer": point == option.answer,
        "held": point.held,
        "missed": "; ".join(point.missed),
        "usd_per_month": point.usd_per_month,
        "hit_ratio": point.hit_ratio,
    }
    for name, percentiles in (("", point.all), ("warm_", point.warm), ("cold_", point.cold)):
        row |= {f"{name}{each}": getattr(percentiles, each) for each in Percentiles.model_fields}
    return row | {
        "cold_starts_per_s": point.loads_per_s,
        "utilisation": point.utilisation,
        "loading": point.loading,
        "keeps_up": point.keeps_up,
    }
