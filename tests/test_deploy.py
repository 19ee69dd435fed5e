"""What load hosts are made from: an image of what a worker needs, and manifests that start them."""

import json
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"

WHAT_A_WORKER_LOADS = """
import json, sys
import locust.main
import mmebench.cli.worker, mmebench.load.processes.join, mmebench.load.processes.locustfile
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_kubernetes_takes_every_manifest(version: str) -> None:
    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_manifests_go_together() -> None:
    by_name = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests()}
    lead, load = (by_name["Job", name]["spec"] for name in ("mmebench-lead", "mmebench-load"))
    service = by_name["Service", "mmebench-lead"]["spec"]
    assert service["clusterIP"] == "None", "headless"
    assert service["selector"] == lead["template"]["metadata"]["labels"]
    (worker,), (leader,) = (job["template"]["spec"]["containers"] for job in (load, lead))
    assert worker["args"] == [f"mmebench-lead:{service['ports'][0]['port']}"]
    assert worker["env"] == leader["env"], "the same token"
    assert load["completionMode"] == "Indexed"
    assert load["completions"] == load["parallelism"]
    for job in (lead, load):
        assert ("ServiceAccount", job["template"]["spec"]["serviceAccountName"]) in by_name


def test_the_image_has_what_a_worker_needs_and_not_what_it_does_not() -> None:
    core = {name.partition(">")[0] for name in requires("mmebench") or [] if "extra ==" not in name}
    assert core == {
        "boto3", "click", "httptools", "locust", "numpy", "psutil", "pydantic", "pyyaml", "typing-extensions",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", WHAT_A_WORKER_LOADS], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    left_out = {"pandas", "pyarrow", "matplotlib", "tritonclient", "google", "rich", "torch", "msgspec"}
    assert not left_out & loaded
