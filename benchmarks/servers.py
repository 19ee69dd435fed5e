"""The servers that clients are measured against: the stub over plain HTTP, nginx over TLS 1.3."""

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from harness import BUILD, SERVER, on_core

_SOURCE = Path(__file__).with_name("stub_server.c")

_ANSWER = """{"model_name":"resnet50","model_version":"1","outputs":[{"name":"output","datatype":"FP32",\
"shape":[1,10],"data":[0.11,0.12,0.13,0.14,0.15,0.16,0.17,0.18,0.19,0.20]}],"parameters":{}}"""

_NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory};
    client_max_body_size 0;
    keepalive_requests 1000000000;
    keepalive_timeout 600;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {directory}/server.pem;
        ssl_certificate_key {directory}/server.pem;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        default_type application/json;
        location / {{
            add_header x-amzn-RequestId $request_id;
            add_header x-Amzn-Invoked-Production-Variant AllTraffic;
            return 200 '{answer}';
        }}
    }}
}}
"""
"""nginx reads a body to its end and throws it away, and keeps the connection whatever the client sent on it."""


@dataclass
class Server:
    """A server that runs; ``seen`` is filled when it has ended."""

    url: str
    ca: Path | None = None
    seen: dict[str, int] = field(default_factory=dict)


@contextmanager
def stub_server(hold_microseconds: int = 0) -> Iterator[Server]:
    """The stub, compiled where need be."""
    program = BUILD / "stub_server"
    if not program.exists() or program.stat().st_mtime < _SOURCE.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", program, _SOURCE], check=True)
    port = _free_port()
    server = Server(f"http://127.0.0.1:{port}")
    with on_core(SERVER):
        process = subprocess.Popen([program, str(port), str(hold_microseconds)], stdout=subprocess.PIPE)
    try:
        _wait_for(port)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    server.seen = json.loads(output)


@contextmanager
def tls_server() -> Iterator[Server]:
    """nginx, which answers by itself; its certificate is of an authority made for the occasion."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    directory = BUILD / "nginx"
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(directory / "server.pem"))
    port = _free_port()
    settings = _NGINX.format(directory=directory, port=port, answer=_ANSWER)
    (directory / "nginx.conf").write_text(settings, encoding="utf-8")
    with on_core(SERVER):
        process = subprocess.Popen([nginx, "-c", directory / "nginx.conf", "-e", directory / "error.log"])
    try:
        _wait_for(port)
        yield Server(f"https://127.0.0.1:{port}", directory / "ca.pem")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port}")
