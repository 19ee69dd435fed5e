"""Summarise samples in one of two ways, and say how long it took: ``summarise_peers.py WAY PATH STAGE_SECONDS``.

Prints one JSON object: ``seconds``, the largest ``bytes`` held, and a list for each figure, one number a stage.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pandas as pd

from mmebench.figures.summary import summarise

FIGURES = [
    "Requests/s",
    "Total Median Response Time",
    "Total Average Response Time",
    "Total Min Response Time",
    "Total Max Response Time",
    "Successful Requests",
    "Failed Requests",
    "p90_ms",
    "p95_ms",
    "p99_ms",
    "p99_9_ms",
    "first_byte_p50_ms",
    "first_byte_p99_ms",
    "cold_starts",
    "cold_p50_ms",
    "cold_p99_ms",
    "warm_p50_ms",
    "warm_p99_ms",
    "status_424",
    "request_bytes_per_s",
    "response_bytes_per_s",
    "goodput_per_s",
]


def by_mmebench(directory: Path) -> pd.DataFrame:
    """The way of ``mmebench report``."""
    return summarise(directory)


def by_pandas(csv: Path, seconds: int) -> pd.DataFrame:
    """As one would write it in a notebook, with only the columns that it takes."""
    columns = [
        "intended_ns",
        "first_byte_ns",
        "end_ns",
        "status",
        "error",
        "cold",
        "request_bytes",
        "response_bytes",
    ]
    samples = pd.read_csv(csv, usecols=columns)
    samples["latency"] = (samples["end_ns"] - samples["intended_ns"]) / 1e6
    samples["first_byte"] = (samples["first_byte_ns"] - samples["intended_ns"]) / 1e6
    samples["stage"] = samples["end_ns"] // (seconds * 10**9)
    good = samples[samples["error"].isna()]
    cold = good[good["cold"]].groupby("stage")["latency"]
    warm = good[~good["cold"]].groupby("stage")["latency"]
    stages, good_stages = samples.groupby("stage"), good.groupby("stage")
    latency, first_byte = good_stages["latency"], good_stages["first_byte"]
    successes, low = latency.count(), "lower"
    return pd.DataFrame(
        {
            "Requests/s": successes / seconds,
            "Total Median Response Time": latency.quantile(0.5, interpolation=low),
            "Total Average Response Time": latency.mean(),
            "Total Min Response Time": latency.min(),
            "Total Max Response Time": latency.max(),
            "Successful Requests": successes,
            "Failed Requests": stages.size() - successes,
            "p90_ms": latency.quantile(0.9, interpolation=low),
            "p95_ms": latency.quantile(0.95, interpolation=low),
            "p99_ms": latency.quantile(0.99, interpolation=low),
            "p99_9_ms": latency.quantile(0.999, interpolation=low),
            "first_byte_p50_ms": first_byte.quantile(0.5, interpolation=low),
            "first_byte_p99_ms": first_byte.quantile(0.99, interpolation=low),
            "cold_starts": cold.count(),
            "cold_p50_ms": cold.quantile(0.5, interpolation=low),
            "cold_p99_ms": cold.quantile(0.99, interpolation=low),
            "warm_p50_ms": warm.quantile(0.5, interpolation=low),
            "warm_p99_ms": warm.quantile(0.99, interpolation=low),
            "status_424": samples[samples["status"] == 424].groupby("stage").size(),
            "request_bytes_per_s": stages["request_bytes"].sum() / seconds,
            "response_bytes_per_s": stages["response_bytes"].sum() / seconds,
            "goodput_per_s": good[good["latency"] <= 20].groupby("stage").size() / seconds,
        }
    )


def main() -> None:
    """See the module."""
    which, path, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    started = time.perf_counter()
    summary = by_mmebench(path) if which == "mmebench" else by_pandas(path, seconds)
    taken = time.perf_counter() - started
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {name: [float(figure) for figure in summary[name]] for name in FIGURES}
    print(json.dumps({"seconds": [taken], "bytes": [most], **figures}))


if __name__ == "__main__":
    main()
