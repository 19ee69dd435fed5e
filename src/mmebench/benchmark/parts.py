"""The parts of a benchmark: what is yet to be measured, packaged, priced, and with an endpoint of its own."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mmebench.benchmark.growth import Growth, check_size, find_growth
from mmebench.benchmark.kind import PackagedKind, naming, packages_of
from mmebench.benchmark.measurement import digest
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.spending import Spending
from mmebench.benchmark.wanted import Wanted, check_endpoints, each_endpoint, in_order
from mmebench.endpoints.endpoint import Endpoint
from mmebench.endpoints.opener import open_endpoint, opener_of
from mmebench.errors import BadInputError
from mmebench.load.payload.payload import Body, check_room, make_body
from mmebench.models.building import build_package, export_form, is_built
from mmebench.models.device import check_compiled
from mmebench.models.engine import check_inputs
from mmebench.models.package import Package, package_model
from mmebench.record.layout import find_runs, repeat_of
from mmebench.record.run import Price, Run, find_run, unread_records
from mmebench.spec import Kind, ServedEndpoint, Spec
from mmebench.uptime import uptime


@dataclass(frozen=True)
class Part:
    """A run that is yet to be measured: what is wanted, on an endpoint."""

    wanted: Wanted
    """With this part's endpoint alone."""
    kinds: tuple[PackagedKind, ...]
    """What it is made of; packages are what is served, or what that is built from."""
    whole: Path
    """The directory of the whole benchmark."""
    shared_digest: str
    """A digest of what is asked for, the same for all repeats."""
    fingerprint: str
    """The same of this one."""
    price: Price | None

    @property
    def directory(self) -> Path:
        """Where this run goes."""
        return repeat_of(self.whole, self.wanted.repeat)

    @property
    def spec(self) -> Spec:
        """What is asked for."""
        return self.wanted.spec

    @property
    def model(self) -> str:
        """What its results are filed under."""
        return self.wanted.fleet.name or self.kinds[0].package.model

    @property
    def label(self) -> str:
        """``pt on ml.g5.xlarge``, or ``pt`` where there is one kind of machine only; of a fleet its name."""
        kind = self.spec.endpoint.instance_type
        return f"{self.wanted.title} on {kind}" if kind else self.wanted.title


@dataclass(frozen=True)
class Measured:
    """A part that an earlier start has measured to its end."""

    directory: Path
    run: Run


def find_parts(
    wanted: Sequence[Wanted], results: Path, observer: Observer, enter: Callable[[Path], None]
) -> Iterator[Part | Measured]:
    """All of them, packaged.

    Args:
        wanted, results, observer: what is asked for, where everything goes, and who is told.
        enter: called with the directory of a model's results before anything in it is looked at.

    Raises:
        BadInputError: a package cannot be served, or all of it could cost more than the spec allows.
    """
    prices = check_endpoints(wanted)
    for endpoint in each_endpoint(wanted):
        opener_of(endpoint).prepare(endpoint)
    for each, endpoint in in_order(wanted):
        kinds = tuple(_package(kind, endpoint, results, observer, each.title) for kind in each.fleet.kinds)
        whole = results / (each.fleet.name or kinds[0].package.model)
        directory = repeat_of(whole, each.repeat)
        directory.mkdir(parents=True, exist_ok=True)
        for folder in dict.fromkeys((whole, directory)):
            enter(folder)
        alone = replace(each, spec=each.spec.model_copy(update={"endpoint": endpoint}))
        shared = _shared_digest(alone, kinds)
        fingerprint = digest({"of all repeats": shared, "repeat": each.repeat}) if each.repeat else shared
        for reason in unread_records(directory):
            observer.unread(reason)
        earlier = _find_complete(directory, fingerprint)
        if earlier is None:
            price = _price_of(endpoint, prices)
            yield Part(alone, kinds, whole, shared, fingerprint, price)
        else:
            yield Measured(whole, earlier)


def _package(kind: Kind, endpoint: ServedEndpoint, results: Path, observer: Observer, label: str) -> PackagedKind:
    """A kind of model as an archive, or as what that is built from; ``label`` is of the run."""
    form = export_form(kind.model, kind.platform, endpoint)
    tell = partial(observer.packaging, kind.name or label)
    with naming(kind):
        package = package_model(kind.model, form, packages_of(results, kind), tell, kind.payload.sequence_length)
        if is_built(kind.model, kind.platform, endpoint):
            check_inputs(package, endpoint)
        check_compiled(package.details, kind.platform, endpoint)
        observer.packaged(package)
        return PackagedKind(kind, package, *_requests(kind, package))


def _requests(kind: Kind, package: Package) -> tuple[Body, Growth]:
    """One request of the load, and those with the largest batch that can form under it.

    Raises:
        BadInputError: the model cannot take them.
    """
    payload = kind.payload
    longest = package.max_sequence_length
    if longest is not None and payload.sequence_length > longest:
        raise BadInputError(
            f"workload.payload.sequence_length: got {payload.sequence_length}; "
            f"{package.model} takes {longest} tokens at most"
        )
    if payload.batch > max(package.max_batch_size, 1):
        raise BadInputError(
            f"workload.payload.batch: got {payload.batch}; {package.archive.name} has max_batch_size "
            f"{package.max_batch_size}; take {max(package.max_batch_size, 1)} at most"
        )
    check_room(package.inputs, payload)
    body = make_body(package.inputs, payload, package.max_batch_size)
    check_size(body)
    return body, find_growth(payload, package)


def _price_of(endpoint: ServedEndpoint, prices: dict[str, Price]) -> Price | None:
    """Of all instances of an endpoint together."""
    price = prices.get(endpoint.instance_type or "")
    if price is None:
        return None
    return Price(usd_per_hour=price.usd_per_hour * endpoint.all_instances, source=price.source)


@dataclass(frozen=True)
class OpenPart:
    """A part whose endpoint is up."""

    endpoint: Endpoint
    kinds: tuple[PackagedKind, ...]
    """What it serves."""
    seconds: float
    """That it took to come up."""

    def close(self) -> None:
        """Take the endpoint down."""
        self.endpoint.close()


def open_part(
    part: Part, results: Path, stores: Path, spending: Spending, observer: Observer, proceed: Callable[[], None]
) -> OpenPart:
    """The part's endpoint, after what is built for it; in a thread of its own where several may come up at once.

    Args:
        part: which.
        results: where packages are kept.
        stores: the folder for what endpoints serve.
        spending: begins to count.
        observer: is told how it goes.
        proceed: called from time to time; raises once the endpoint is not wanted any more.
    """

    def tell(message: str) -> None:
        observer.coming_up(part.label, message)
        proceed()

    endpoint_spec = part.spec.endpoint
    kinds = tuple(_built(kind, endpoint_spec, results, tell) for kind in part.kinds)
    store = Path(tempfile.mkdtemp(dir=stores))
    began = uptime()
    endpoint = open_endpoint(endpoint_spec, store, part.directory / "endpoint.log", tell)
    spending.begin(part.fingerprint, part.price)
    return OpenPart(endpoint, kinds, uptime() - began)


def _built(
    kind: PackagedKind, endpoint: ServedEndpoint, results: Path, tell: Callable[[str], None]
) -> PackagedKind:
    """The same, as what is built from its package, if something is."""
    asked = kind.asked
    if not is_built(asked.model, asked.platform, endpoint):
        return kind
    folder, longest = packages_of(results, asked), asked.payload.sequence_length
    package = build_package(kind.package, asked.platform, longest, endpoint, folder, tell)
    check_compiled(package.details, asked.platform, endpoint)
    return replace(kind, package=package)


def _shared_digest(wanted: Wanted, kinds: Sequence[PackagedKind]) -> str:
    """Of all that decides what is measured; other platforms of the spec do not.

    Objectives do where stages follow from them, as in a search.
    """
    spec = wanted.spec
    beside = {"platforms", "repeats", "tune", "plan"}
    beside |= {name for name, so in (("fresh", spec.fresh), ("objectives", bool(spec.workload.stages))) if so}
    asked = spec.model_dump(mode="json", exclude=beside)
    asked["endpoint"] = {key: value for key, value in asked["endpoint"].items() if key not in spec.endpoint.beside}
    served = [
        {"platform": kind.asked.platform.model_dump(mode="json"), "archive": kind.package.sha256} for kind in kinds
    ]
    return digest(asked | {"served": served, "label": wanted.label})


def _find_complete(directory: Path, fingerprint: str) -> Run | None:
    """The run of an earlier start with this fingerprint, if it got to its end."""
    runs = map(find_run, find_runs(directory))
    return next((run for run in runs if run is not None and run.complete and run.digest == fingerprint), None)
