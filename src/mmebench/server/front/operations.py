"""What the SageMaker Runtime API can ask for and this endpoint has not: refused as SageMaker refuses it."""

from mmebench.wire import answers

_OPERATIONS = {
    b"/invocations-response-stream": (
        "InvokeEndpointWithResponseStream has no TargetModel, so it cannot invoke a multi-model endpoint; "
        "use InvokeEndpoint"
    ),
    b"/async-invocations": "a multi-model endpoint takes no InvokeEndpointAsync; use InvokeEndpoint",
}


def other_operation(path: bytes, endpoint: bytes, name: str) -> answers.RefusedError | None:
    """Why a POST to ``path`` is refused; None when the API knows no such operation.

    Args:
        path: of the request.
        endpoint: the path of this endpoint.
        name: its name.
    """
    for operation, message in _OPERATIONS.items():
        if path == endpoint + operation:
            return answers.validation_error(message)
    asked, _, operation = path.removeprefix(b"/endpoints/").partition(b"/")
    if path.startswith(b"/endpoints/") and (operation == b"invocations" or b"/" + operation in _OPERATIONS):
        return answers.validation_error(f"Endpoint {_shown(asked)} of account local not found; this one is {name}")
    return None


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "replace")
