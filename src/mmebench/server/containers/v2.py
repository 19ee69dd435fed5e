"""Inference by the KServe v2 protocol, as Triton's HTTP front speaks it."""

import json
import re
from collections.abc import Mapping

from mmebench.server.containers.container import Fault
from mmebench.wire.out_of_memory import says_out_of_memory

BINARY = b"application/vnd.sagemaker-triton.binary+json;json-header-size="
"""SageMaker's content type for tensors as raw bytes behind a JSON header of so many bytes."""
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_UNREADABLE = ("Unable to parse ", "failed to parse the request JSON")


def request_line(model: str) -> bytes:
    """The first line of an inference request."""
    return b"POST /v2/models/%b/infer HTTP/1.1\r\n" % model.encode()


def request_headers(headers: Mapping[bytes, bytes]) -> bytes:
    """The v2 headers for SageMaker's; what is not binary is taken for JSON, as Triton's own front does."""
    content_type = headers.get(b"content-type", b"")
    if content_type.startswith(BINARY):
        size = content_type[len(BINARY) :]
        if size.isdigit():
            return b"Content-Type: application/octet-stream\r\nInference-Header-Content-Length: %b\r\n" % size
    return b"Content-Type: application/json\r\n"


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


def fault(status: int, message: str, body: bytes) -> Fault:
    """What an inference's error means; the texts are those of Triton 2.51.

    Triton quotes the request in its messages, and nobody may have models unloaded by what they call a tensor: a
    text counts only where the request's ``body`` does not have it.
    """
    found = Fault.REQUEST
    if "is not healthy" in message:
        found = Fault.MODEL_DEAD
    elif "Request for unknown model" in message:
        found = Fault.MODEL_GONE
    elif status == 507 or says_out_of_memory(message):
        found = Fault.OUT_OF_MEMORY
    if found is Fault.REQUEST:
        return found
    quoted = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), body).decode("utf-8", "replace")
    own = "is not healthy" in quoted or "Request for unknown model" in quoted or says_out_of_memory(quoted)
    return Fault.REQUEST if own else found
