"""Triton's own front for SageMaker: a container of the contract that somebody else has started."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmebench.server.containers.triton import TritonRecipe
from mmebench.server_directory import ServerDirectory
from support.free_ports import free_ports

_LOOPBACK_ONLY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
int bind(int fd, const struct sockaddr *address, socklen_t size) {
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  if (address->sa_family == AF_INET)
    ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return real(fd, address, size);
}
"""


@contextmanager
def sagemaker_front(folder: Path) -> Iterator[str]:
    """URL of ``tritonserver --allow-sagemaker=true``, whose front would listen on every interface if it were let.

    What it needs is made in ``folder``; it may still be starting.
    """
    (folder / "loopback.c").write_text(_LOOPBACK_ONLY)
    shim = folder / "loopback.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, folder / "loopback.c", "-ldl"], check=True)
    recipe, run = TritonRecipe(), ServerDirectory()
    (run.path / "repository").mkdir()
    recipe.prepare(run)
    run.remove_sockets()
    (port,) = free_ports(1)
    command = [part for part in recipe.command(run) if "sagemaker" not in part]
    command += ["--allow-sagemaker=true", f"--sagemaker-port={port}"]
    environment = os.environ | recipe.environment()
    environment["LD_PRELOAD"] = f"{shim} {environment.get('LD_PRELOAD', '')}"
    with (folder / "triton.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=run.sockets, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        run.close()
