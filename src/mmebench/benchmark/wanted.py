"""What a spec wants to have measured: each variant, and of each the model on each platform or the fleet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mmebench.benchmark.preflight import refuse_early
from mmebench.endpoints.opener import opener_of
from mmebench.errors import BadInputError
from mmebench.load.schedule.plan import too_short
from mmebench.models.archive_completion import complete_archives
from mmebench.models.building import count_builds
from mmebench.record.run import Price
from mmebench.spec import Fleet, ServedEndpoint, Spec
from mmebench.spec.variants import Variant, describe_changes


@dataclass(frozen=True)
class Wanted:
    """What is measured on each of its endpoint's instance types."""

    spec: Spec
    """Of its variant, and with what ready archives and the surroundings say."""
    fleet: Fleet
    variant: Variant | None
    """None where the spec is measured as it is."""
    repeat: int = 0
    """Which time it is, from 0 on."""

    @property
    def changes(self) -> str:
        """What is changed of the spec, in words; nothing where it is measured as it is."""
        return "" if self.variant is None else describe_changes(self.variant.changes)

    @property
    def title(self) -> str:
        """What people are told of it: as :attr:`label`, but of a fleet its name, and which time it is."""
        name = self.fleet.label if self.variant is None else self.label
        return f"{name}, repeat {self.repeat + 1}" if self.repeat else name

    @property
    def label(self) -> str:
        """What files, tables and charts call it in place of a platform."""
        if self.variant is None:
            return self.fleet.platform
        return self.variant.name if len(self.spec.fleets) == 1 else f"{self.fleet.platform}-{self.variant.name}"


def find_wanted(spec: Spec) -> list[Wanted]:
    """All of it, in its order; files that the spec names have been read.

    Raises:
        BadInputError: it cannot be run, as far as the spec and these files tell.
    """
    found = []
    for variant, varied in spec.varied():
        try:
            whole = complete_archives(varied)
            refuse_early(whole)
            whole = whole.model_copy(update={"endpoint": opener_of(whole.endpoint).complete(whole.endpoint)})
        except BadInputError as error:
            raise error if variant is None else BadInputError(f"{variant.name}: {error}") from None
        found += [Wanted(whole, fleet, variant) for fleet in whole.fleets]
    models = list(dict.fromkeys(each.fleet.name or each.fleet.kinds[0].model.label for each in found))
    if len(models) > 1:
        raise BadInputError(
            f"variants: got the models {' and '.join(map(str, models))}, whose results do not stand side by side; "
            "allowed: variants of one model, or of one fleet; run them as specs of their own"
        )
    return found


def foresee(spec: Spec) -> list[str]:
    """What it will not show, or is taken otherwise than it was written, a sentence each."""
    opener = opener_of(spec.endpoint)
    ignored = [
        f"{kind.platform.label}: config: {what} is ignored by the backends of this endpoint; Triton's own know it"
        for fleet in spec.fleets
        for kind in fleet.kinds
        for what in opener.ignored(spec.endpoint, kind.platform)
    ]
    return [*too_short(spec.workload, spec.objectives, spec.shares), *spec.remarks, *dict.fromkeys(ignored)]


def each_endpoint(wanted: Sequence[Wanted]) -> list[ServedEndpoint]:
    """The endpoints that are asked for, each once."""
    found: list[ServedEndpoint] = []
    for each in wanted:
        if each.spec.endpoint not in found:
            found.append(each.spec.endpoint)
    return found


def in_order(wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, ServedEndpoint]]:
    """What is measured on which endpoint: all of it on one instance type before the next one.

    Repeats come in turns, each beginning with another one (a b c, b c a, c a b), so that what changes with time
    changes all of them; those on one endpoint come one after another (a a a, b b b).
    """
    for endpoint in each_endpoint(wanted):
        group = [each for each in wanted if each.spec.endpoint == endpoint]
        for alone in endpoint.each():
            repeats = range(group[0].spec.repeats)
            if not group[0].spec.fresh:
                yield from ((replace(each, repeat=repeat), alone) for each in group for repeat in repeats)
                continue
            for repeat in repeats:
                first = repeat % len(group)
                yield from ((replace(each, repeat=repeat), alone) for each in group[first:] + group[:first])


def check_endpoints(wanted: Sequence[Wanted]) -> dict[str, Price]:
    """Refuse what would be refused later, or costs too much; returns the price of each instance type that has one.

    Raises:
        BadInputError: see :meth:`mmebench.endpoints.opener.Opener.check`.
    """
    prices: dict[str, Price] = {}
    for endpoint in each_endpoint(wanted):
        fleets = [each.fleet for each in wanted if each.spec.endpoint == endpoint]
        runs = len(fleets) * wanted[0].spec.repeats
        prices |= opener_of(endpoint).check(endpoint, runs, count_builds(fleets, endpoint))
    return prices
