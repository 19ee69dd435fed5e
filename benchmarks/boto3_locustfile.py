"""The usual way to load a multi-model endpoint: a Locust user with a boto3 session and client of its own.

Once a second it says what it has done so far, as a JSON line; whoever started it watches its CPU and memory.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import boto3
import gevent
from botocore.config import Config
from locust import LoadTestShape, User, constant, events, task
from locust.env import Environment

PAYLOAD = Path(os.environ["BENCH_PAYLOAD"]).read_bytes()
TARGETS = json.loads(os.environ["BENCH_TARGETS"])
READ_BODY = os.environ["BENCH_READ_BODY"] == "yes"
STAGES = json.loads(os.environ["BENCH_STAGES"])
"""Users, and seconds that they stay."""
CONFIG = Config(retries={"max_attempts": 0})


class Boto3User(User):
    """Asks for a target drawn at random."""

    wait_time = constant(float(os.environ["BENCH_THINK_TIME"]))

    def on_start(self) -> None:
        """Each user has its own client, as the examples of AWS have it."""
        self._client = boto3.Session().client(
            "sagemaker-runtime",
            endpoint_url=os.environ["BENCH_URL"],
            verify=os.environ.get("BENCH_CA") or None,
            config=CONFIG,
        )

    @task
    def invoke(self) -> None:
        """One request."""
        started = time.perf_counter()
        error: Exception | None = None
        try:
            answer = self._client.invoke_endpoint(
                EndpointName="bench",
                Body=PAYLOAD,
                ContentType="application/octet-stream",
                TargetModel=random.choice(TARGETS),
            )
            if READ_BODY:
                answer["Body"].read()
        except Exception as failure:  # Locust counts it, and the benchmark refuses to go on
            error = failure
        events.request.fire(
            request_type="boto3",
            name="invoke_endpoint",
            response_time=(time.perf_counter() - started) * 1e3,
            response_length=0,
            exception=error,
        )


class Stages(LoadTestShape):
    """One after another."""

    def tick(self) -> tuple[int, float] | None:
        """See Locust."""
        until = 0.0
        for users, seconds in STAGES:
            until += seconds
            if self.get_run_time() < until:
                return users, users
        return None


@events.init.add_listener
def _tell_every_second(environment: Environment, **_: Any) -> None:
    def tell() -> None:
        while True:
            gevent.sleep(1)
            assert environment.runner is not None
            total = environment.stats.total
            told = {
                "users": environment.runner.user_count,
                "requests": total.num_requests,
                "failures": total.num_failures,
            }
            print(json.dumps(told), flush=True)

    gevent.spawn(tell)
