"""Inference by the KServe v2 protocol, as Triton's HTTP front speaks it."""

import json
import re
from collections.abc import Mapping, Sequence

from mmebench.server.containers.container import Fault
from mmebench.wire.out_of_memory import says_out_of_memory

BINARY = b"application/vnd.sagemaker-triton.binary+json;json-header-size="
"""SageMaker's content type for tensors as raw bytes behind a JSON header of so many bytes."""
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_UNREADABLE = ("Unable to parse ", "failed to parse the request JSON", "failed to get request params")


def request_line(model: str) -> bytes:
    """The first line of an inference request."""
    return b"POST /v2/models/%b/infer HTTP/1.1\r\n" % model.encode()


def request_headers(headers: Mapping[bytes, bytes]) -> bytes:
    """The v2 headers for SageMaker's; what is not binary is taken for JSON, as Triton's own front does."""
    size = json_size(headers)
    if size is None:
        return b"Content-Type: application/json\r\n"
    return b"Content-Type: application/octet-stream\r\nInference-Header-Content-Length: %b\r\n" % size


def json_size(headers: Mapping[bytes, bytes]) -> bytes | None:
    """How many bytes of the body a client says are JSON, as it says it; None where all of them are."""
    content_type = headers.get(b"content-type", b"")
    return content_type[len(BINARY) :] if content_type.startswith(BINARY) else None


def answer_name(model: str) -> bytes:
    """The name of a model in the JSON of an answer, as Triton writes it."""
    return b'"model_name":%b' % json.dumps(model).encode()


def answer_headers(headers: Mapping[bytes, bytes], longer: int) -> bytes:
    """SageMaker's headers for those of a v2 answer whose JSON gets longer by so many bytes."""
    size = headers.get(b"inference-header-content-length")
    if size is None:
        return b"Content-Type: application/json\r\n"
    return b"Content-Type: %b%d\r\n" % (BINARY, int(size) + longer)


def true_status(status: int, message: str) -> int:
    """400 for a request that Triton cannot read, which it calls an error of its own."""
    return 400 if status == 500 and message.startswith(_UNREADABLE) else status


def fault(status: int, message: str, chunks: Sequence[bytes]) -> Fault:
    """What an inference's error means; the texts are those of Triton 2.51.

    Triton quotes the request in its messages, and nobody may have models unloaded by what they call a tensor: a
    text counts only where the request's body, in ``chunks``, does not have it.
    """
    found = _fault_by(message)
    if found is Fault.REQUEST:
        return Fault.OUT_OF_MEMORY if status == 507 else found
    said = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), b"".join(chunks)).decode("utf-8", "replace")
    return found if _fault_by(said) is Fault.REQUEST else Fault.REQUEST


def _fault_by(text: str) -> Fault:
    if "is not healthy" in text:
        return Fault.MODEL_DEAD
    if "Request for unknown model" in text:
        return Fault.MODEL_GONE
    return Fault.OUT_OF_MEMORY if says_out_of_memory(text) else Fault.REQUEST
