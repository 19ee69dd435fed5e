"""Where models are served: a multi-model endpoint on this machine or on SageMaker."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmebench.endpoints.endpoint import Endpoint
    from mmebench.spec.endpoint import LocalEndpoint


def open_endpoint(spec: "LocalEndpoint", store: Path, log: Path) -> "Endpoint":
    """The endpoint that ``spec`` asks for, up and answering; close it to take it down.

    Args:
        spec: which endpoint.
        store: the folder whose archives it serves; more may be added with ``add_targets``.
        log: the file that its log is appended to.

    Raises:
        BadInputError: the spec cannot be served on this machine. MmebenchError: it did not come up.
    """
    # Imported here, as this package is also imported in each model's process inside Triton.
    from mmebench.endpoints.local.endpoint import start

    return start(spec, store, log)
