"""Where models are served: a multi-model endpoint on this machine or on SageMaker."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmebench.endpoints.endpoint import Endpoint
    from mmebench.endpoints.sagemaker.prices import Price
    from mmebench.spec.endpoint import ServedEndpoint


def open_endpoint(
    spec: "ServedEndpoint", store: Path, log: Path, progress: Callable[[str], None] = lambda message: None
) -> "Endpoint":
    """The endpoint that ``spec`` asks for, up and answering; close it to take it down.

    Args:
        spec: which endpoint.
        store: the folder whose archives a local one serves; more may be added with ``add_targets``.
        log: the file that its log is appended to.
        progress: told what is done now; a local one is there before there is anything to tell.

    Raises:
        BadInputError: the spec cannot be served. MmebenchError: it did not come up.
    """
    # Imported here, as this package is also imported in each model's process inside Triton.
    if spec.kind == "sagemaker":
        from mmebench.endpoints.sagemaker.endpoint import start as start_on_sagemaker

        return start_on_sagemaker(spec, log, progress)
    from mmebench.endpoints.local import start

    return start(spec, store, log)


def with_session_defaults(spec: "ServedEndpoint") -> "ServedEndpoint":
    """The spec with what it leaves to the session; on this machine that is nothing.

    Raises:
        BadInputError: the session does not say.
    """
    if spec.kind != "sagemaker":
        return spec
    from mmebench.endpoints.sagemaker.session import with_session_defaults as complete

    return complete(spec)


def check_account(spec: "ServedEndpoint", runs: int, builds: int) -> "dict[str, Price]":
    """Refuse what AWS would refuse, or what costs too much, before any work is done.

    Args:
        spec: which endpoints.
        runs: how many there will be of each instance type.
        builds: TensorRT engines to be built on each instance type.

    Returns:
        The price of each instance type that AWS bills; none for a local endpoint.

    Raises:
        BadInputError: there are no credentials, no such bucket or image, nobody knows a price, or all of it could
            cost more than the spec's budget.
    """
    if spec.kind != "sagemaker":
        return {}
    from mmebench.endpoints.sagemaker.aws import Aws
    from mmebench.endpoints.sagemaker.bucket import check_bucket
    from mmebench.endpoints.sagemaker.image import image_uri
    from mmebench.endpoints.sagemaker.prices import check_budget, find_price
    from mmebench.endpoints.sagemaker.session import make_default_bucket

    aws = Aws(spec.region)
    image_uri(spec)
    prices = {each.instance_type: find_price(aws, each) for each in spec.each()}
    check_budget(spec, prices, runs, builds)
    make_default_bucket(aws, spec)
    check_bucket(aws, spec)
    return prices
