"""InvokeEndpoint of SageMaker: finds the archives of an endpoint as AWS does, and has a local endpoint serve them.

What moto answers is the same for every endpoint and target. Here the endpoint's config is asked for its model, the
model for the S3 prefix of its targets or for its archive, or the inference component for that, and
``mmebench serve s3://bucket`` for the target there.
"""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from support import cloud

TARGET = "X-Amzn-SageMaker-Target-Model"
COMPONENT = "X-Amzn-SageMaker-Inference-Component"


@contextmanager
def sagemaker_runtime(moto: str, local: str, served: Counter[str] | None = None) -> Iterator[str]:
    """Its URL, for AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME.

    Args:
        moto: the URL of the control plane.
        local: that of an endpoint named ``local`` that serves the bucket.
        served: where the requests of each endpoint are counted.
    """
    counted = Counter() if served is None else served
    known = {"moto": cloud.client("sagemaker", moto), "local": urlsplit(local).netloc, "served": counted}
    handler = type("Handler", (_Handler,), known)
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
    served: Counter[str]

    def do_POST(self) -> None:
        name = self.path.split("/")[2]
        self.served[name] += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = (TARGET.lower(), COMPONENT.lower())
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("host", *said)}
        try:
            headers[TARGET] = self._archive(name)
        except ClientError:
            self._answer(400, {"x-amzn-ErrorType": "ValidationError"}, b'{"Message": "Endpoint not found"}')
            return
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

    def _archive(self, name: str) -> str:
        """Of the model that the request says, by the way in which the endpoint hosts any."""
        config = self.moto.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        (variant,) = self.moto.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        if COMPONENT in self.headers:
            found = self.moto.describe_inference_component(InferenceComponentName=self.headers[COMPONENT])
            assert (found["EndpointName"], found["InferenceComponentStatus"]) == (name, "InService")
            url, more = found["Specification"]["Container"]["ArtifactUrl"], ""
        else:
            container = self.moto.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
            several = container["Mode"] == "MultiModel"
            assert several == (TARGET in self.headers)
            url, more = container["ModelDataUrl"], self.headers[TARGET] if several else ""
        return urlsplit(str(url)).path.lstrip("/") + more

    def log_message(self, *arguments: object) -> None:
        pass
