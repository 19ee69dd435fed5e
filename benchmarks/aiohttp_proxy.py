"""``python aiohttp_proxy.py PORT TRITON_PORT TARGET=MODEL…``: the router as one would write it with aiohttp.

It does less than ours: every target is loaded already, and nothing is counted, evicted or healed.
"""

import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="


class Proxy:
    """Passes invocations on to Triton, body and answer as they come."""

    def __init__(self, triton_port: int, models: dict[str, str]) -> None:
        self.triton = f"http://127.0.0.1:{triton_port}"
        self.models = models

    async def start(self, application: web.Application) -> None:
        """Part of aiohttp's application."""
        self.session = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(None))

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        """One invocation."""
        model = self.models[request.headers["X-Amzn-SageMaker-Target-Model"]]
        headers = {"Content-Type": "application/json", "Content-Length": request.headers["Content-Length"]}
        if request.content_type != "application/json":
            headers["Inference-Header-Content-Length"] = request.headers["Content-Type"].removeprefix(BINARY)
            headers["Content-Type"] = "application/octet-stream"
        async with self.session.post(
            f"{self.triton}/v2/models/{model}/infer", data=request.content, headers=headers
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            size = answer.headers.get("Inference-Header-Content-Length")
            response.content_type = "application/json"
            if size is not None:
                response.headers["Content-Type"] = BINARY + size
            response.content_length = int(answer.headers["Content-Length"])
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


def main() -> None:
    """Serve until killed."""
    port, triton_port, *models = sys.argv[1:]
    uvloop.install()
    proxy = Proxy(int(triton_port), dict(model.split("=") for model in models))
    application = web.Application(client_max_size=2**30)
    application.on_startup.append(proxy.start)
    application.router.add_post("/endpoints/local/invocations", proxy.invoke)
    web.run_app(application, host="127.0.0.1", port=int(port), print=None, access_log=None)


if __name__ == "__main__":
    main()
