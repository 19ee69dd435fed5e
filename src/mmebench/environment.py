"""What the benchmark ran on: machine and versions, nothing that names the machine or its owner."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_VERSIONS = (
    "mmebench", "locust", "numpy", "nvidia-pytriton", "onnxruntime", "openvino", "torch", "timm", "torchvision",
    "transformers",
)  # fmt: skip
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def describe_environment() -> dict[str, Any]:
    """Processor, cores, memory in bytes, GPUs, operating system, and the versions of what shapes the figures."""
    import psutil

    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **_gpus(),
        "versions": {name: found for name in _VERSIONS if (found := _version(name))},
    }


def _gpus() -> dict[str, Any]:
    """Of a driver that does not answer, why; who runs on the CPU is not kept from it."""
    from mmebench.gpus.nvml import GpuError, describe_gpus

    try:
        return {"gpus": describe_gpus()}
    except GpuError as error:
        return {"gpus": [], "gpus_unknown": str(error)}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            names = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def host_memory() -> int:
    """Bytes that processes here may use together: the machine's, or what a container of one is limited to."""
    import psutil

    total = int(psutil.virtual_memory().total)
    try:
        limit = _CGROUP_LIMIT.read_text(encoding="utf-8").strip()
    except OSError:  # not of this version of cgroups, or no Linux
        return total
    return min(total, int(limit)) if limit.isdigit() else total
