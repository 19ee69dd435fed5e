"""Summaries made by hand."""

import pandas as pd


def stages(platform: str, rows: list[tuple[int, float, float, int, int]], precision: str = "fp32") -> pd.DataFrame:
    """Summary rows of one run from (users, requests/s, latency, successes, failures)."""
    return pd.DataFrame(
        [
            {
                "model_name": "resnet18",
                "instance_type": "local-2cpu-2GiB",
                "platform": platform,
                "max_models_loaded": 9,
                "User Count": users,
                "Requests/s": throughput,
                "throughput_low_per_s": throughput * 0.95,
                "throughput_high_per_s": throughput * 1.05,
                "Total Median Response Time": latency * 0.9,
                "Total Average Response Time": latency,
                "Total Min Response Time": latency * 0.5,
                "Total Max Response Time": latency * 3,
                "Successful Requests": successes,
                "Failed Requests": failures,
                "precision": precision,
                "offered_per_s": float("nan"),
                "targets": 9,
                "p90_ms": latency * 1.5,
                "p95_ms": latency * 1.7,
                "p99_ms": latency * 2,
                "cold_starts": 0,
                "cold_p50_ms": float("nan"),
                "not_started": None,
                "goodput_share": 1 - latency / 1000,
                "client_limited": users > 10,
                "window_seconds": 12.0,
                "littles_law": 0.99,
                "complete": True,
                "basis": "samples",
            }
            for users, throughput, latency, successes, failures in rows
        ]
    )
