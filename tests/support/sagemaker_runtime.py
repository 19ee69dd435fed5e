"""InvokeEndpoint of SageMaker: finds the archives of an endpoint as AWS does, and has a local endpoint serve them.

What moto answers is the same for every endpoint and target. Here the endpoint's config is asked for its model, the
model for the S3 prefix of its targets, and ``mmebench serve s3://bucket`` for the target below that.
"""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from support import cloud

TARGET = "X-Amzn-SageMaker-Target-Model"


@contextmanager
def sagemaker_runtime(moto: str, local: str) -> Iterator[str]:
    """Its URL, for AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME.

    Args:
        moto: the URL of the control plane.
        local: that of an endpoint named ``local`` that serves the bucket.
    """
    handler = type(
        "Handler", (_Handler,), {"moto": cloud.client("sagemaker", moto), "local": urlsplit(local).netloc}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    moto: Any
    local: str

    def do_POST(self) -> None:
        name = self.path.split("/")[2]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {
            key: value for key, value in self.headers.items() if key.lower() not in ("host", TARGET.lower())
        }
        try:
            prefix = self._prefix(name)
        except ClientError:
            self._answer(400, {"x-amzn-ErrorType": "ValidationError"}, b'{"Message": "Endpoint not found"}')
            return
        headers[TARGET] = prefix + self.headers[TARGET]
        connection = http.client.HTTPConnection(self.local, timeout=70)
        connection.request("POST", "/endpoints/local/invocations", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self._answer(answer.status, dict(answer.getheaders()), content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in ("content-length", "connection", "date", "server", "transfer-encoding"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _prefix(self, name: str) -> str:
        config = self.moto.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        (variant,) = self.moto.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        container = self.moto.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
        assert container["Mode"] == "MultiModel"
        return urlsplit(str(container["ModelDataUrl"])).path.lstrip("/")

    def log_message(self, *arguments: object) -> None:
        pass
