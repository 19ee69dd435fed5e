"""An account on AWS, and a person with a spec before it.

Control plane, S3 and CloudWatch are moto's server over HTTP; invocations are answered by a real local endpoint.
"""

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from mmebench.cli import cli
from support import cloud
from support.commands import Command
from support.deadly_proxy import DeadlyProxy
from support.tiny_models import file_model
from support.undrawn import leave_blank


@dataclass
class Account:
    """Amazon's side, and a person with a spec before it."""

    moto: str
    proxy: DeadlyProxy
    environment: dict[str, str]
    archive: Path
    folder: Path
    served: Counter[str]
    """Requests that endpoints have had, by name."""

    def spec(self, **endpoint: Any) -> Path:
        basic = {
            "kind": "sagemaker",
            "instance_type": "ml.g5.xlarge",
            "role": cloud.ROLE,
            "region": "us-east-1",
            "bucket": cloud.BUCKET,
            "prices": {"ml.g5.xlarge": 1.5, "ml.g4dn.xlarge": 0.75},
        }
        spec = {
            "model": file_model(self.archive),
            "platforms": ["onnx"],
            "endpoint": {key: value for key, value in (basic | endpoint).items() if value is not None},
            "targets": {"count": 2},
            "workload": {
                "payload": {"encoding": "json"},
                "arrivals": {"kind": "closed", "think_time": "50ms"},
                "profile": {"stages": [{"users": 1, "duration": "1s", "warmup": "200ms"}]},
            },
        }
        path = self.folder / "spec.yaml"
        path.write_text(yaml.safe_dump(spec), encoding="utf-8")
        return path

    def fleet(self, **endpoint: Any) -> Path:
        """The same archive as two kinds of models, of which one has two targets."""
        path = self.spec(**endpoint)
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        del spec["platforms"], spec["targets"]
        model = spec.pop("model")
        other = self.archive.with_name("other.tar.gz")
        shutil.copyfile(self.archive, other)
        spec["models"] = {
            "one": {"model": model, "targets": 1, "requests": 0.5},
            "two": {"model": model | {"path": str(other)}, "targets": 2, "requests": 0.5},
        }
        # Both kinds are answered within the window on a busy machine, too.
        spec["workload"]["profile"]["stages"][0]["duration"] = "4s"
        path.write_text(yaml.safe_dump(spec), encoding="utf-8")
        return path

    def start(self, *arguments: object) -> Command:
        environment = os.environ | self.environment
        return Command(*arguments, cwd=self.folder, environment=environment, before=_in_a_hurry)

    def mmebench(self, *arguments: object) -> tuple[int, str]:
        command = self.start(*arguments)
        self.proxy.victim = command.pid
        done = command.finish()
        return done.returncode, done.stdout + done.stderr

    def clean(self, *arguments: object, **environment: str) -> tuple[int, str]:
        """``mmebench clean``, which is only ever called here after a death, without a process of its own."""
        words = ["clean", *map(str, arguments)]
        result = CliRunner().invoke(cli, words, env=self.environment | environment, standalone_mode=False)
        assert result.exception is None, result.output
        return result.return_value or 0, result.output

    def sweep(self, *arguments: object) -> "Sweep":
        """One command that is stopped after each of its calls; what it has left is cleaned as if it were dead.

        Its journals are copied for that, as nobody holds a copy. What was cleaned away is put back.
        """
        sweep = Sweep([], [], 0)
        beside = {"XDG_STATE_HOME": str(self.folder / "copied"), "AWS_ENDPOINT_URL": self.moto}

        def look(call: str) -> None:
            shutil.rmtree(self.folder / "copied", ignore_errors=True)
            if (self.folder / "state").exists():
                shutil.copytree(self.folder / "state", self.folder / "copied")
            with cloud.restored():
                sweep.there += bool(cloud.everything(self.moto))
                status, output = self.clean(**beside)
                left = cloud.everything(self.moto) + [path.name for path in self._journals("copied")]
            sweep.calls.append(call)
            if status != 0 or left:
                sweep.faults.append(f"after call {len(sweep.calls)}, {call}: {left}: {output}")

        self.proxy.forget()
        self.proxy.look = look
        self.mmebench(*arguments)
        assert sweep.calls == self.proxy.calls, "nothing went wrong while it was looked at"
        self.proxy.forget()
        return sweep

    @property
    def journals(self) -> list[Path]:
        return self._journals("state")

    def _journals(self, state: str) -> list[Path]:
        return list((self.folder / state).glob("mmebench/journals/*"))


def _in_a_hurry() -> None:
    """Nobody waits for metrics of CloudWatch, which has none here, or looks at pictures."""
    import mmebench.endpoints.sagemaker.cloudwatch
    import mmebench.endpoints.sagemaker.replacement

    mmebench.endpoints.sagemaker.cloudwatch.DELIVERY_SECONDS = 0.0
    mmebench.endpoints.sagemaker.replacement._POLL_SECONDS = 0.5
    leave_blank()


@dataclass
class Sweep:
    """What was found at each call of a command."""

    calls: list[str]
    faults: list[str]
    """Calls after which something was left that clean did not delete."""
    there: int
    """After how many of them there was something to clean."""
