"""The table of report.html of what a plan looked at."""

from mmebench.record.layout import PLAN_TABLE
from mmebench.record.plan import Option, PlanRecord, Point
from mmebench.report.page.tables import Cell, Column, Row, Table, number, words
from mmebench.report.words.plan import EXPLAINED


def make_plan_table(record: PlanRecord) -> Table:
    """A row a number of instances that was looked at; the answers stand out."""
    columns = [
        Column("run", True),
        Column("instances"),
        Column("by", True),
        Column("$ a month"),
        Column("hits"),
        Column("p50, ms"),
        Column("p95, ms"),
        Column("p99, ms"),
        Column("warm p99, ms"),
        Column("cold p50, ms"),
        Column("cold p99, ms"),
        Column("cold starts/s"),
        Column("use"),
        Column("loading"),
        Column("misses", True),
    ]
    rows = [
        Row(None, _cells(option, point), point == option.answer)
        for option in record.ranked
        for point in sorted(option.points, key=lambda point: (point.instances, point.by))
    ]
    about = f"{EXPLAINED} {PLAN_TABLE} beside this file has the same."
    return Table("Instances", about, "plan.csv", columns, rows)


def _cells(option: Option, point: Point) -> list[Cell]:
    return [
        words(option.run),
        number(point.instances),
        words(point.by),
        number(point.usd_per_month),
        number(point.hit_ratio, "share"),
        *(
            number(figure, "ms")
            for figure in (
                point.all.p50_ms,
                point.all.p95_ms,
                point.all.p99_ms,
                point.warm.p99_ms,
                point.cold.p50_ms,
                point.cold.p99_ms,
                point.loads_per_s,
            )
        ),
        number(point.utilisation, "share"),
        number(point.loading, "share"),
        words(", ".join(point.missed)),
    ]
