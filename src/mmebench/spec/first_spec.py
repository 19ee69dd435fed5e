"""A first spec, with comments: what ``mmebench init`` writes."""

from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class Wishes:
    """What somebody who begins knows already."""

    model: str | None
    """``timm:resnet18``, ``torchvision:resnet50``, ``huggingface:bert-base-uncased``, or the path of a file."""
    platforms: tuple[str, ...] = ()
    folder: str | None = None
    """Instead of a model: where the archives of a fleet are."""
    instance_types: tuple[str, ...] = ()
    """Of SageMaker; none: an endpoint on this machine."""
    memory: str | None = None
    """Of a local endpoint; None leaves it to the machine."""
    p99: str | None = None


def write_spec(wishes: Wishes) -> str:
    """The spec in YAML; it can be run as it is, but for what only its user knows, which a comment says."""
    parts = [
        "# Every field: docs/spec.md. Look first: `mmebench check` says what a run will do and starts nothing.",
        *_models(wishes),
        "",
        *_endpoint(wishes),
        "",
        *_workload(),
        "",
        *_objectives(wishes.p99),
    ]
    return "\n".join(parts) + "\n"


def _models(wishes: Wishes) -> list[str]:
    if wishes.folder is not None:
        return [
            "# Each archive (*.tar.gz) of the folder is a model with one target, which has the file's name. With",
            "# several targets of each or payloads of their own they are written out one by one: docs/fleets.md",
            f"models: {{from: {_scalar(wishes.folder)}}}",
        ]
    assert wishes.model is not None, "there is one of both"
    return [
        *_model(wishes.model),
        "",
        *_platforms(wishes),
        "",
        "# As many copies of the model as fit; a number measures that many, more than fit included.",
        "targets: {count: capacity}",
    ]


def _model(model: str) -> list[str]:
    source, _, name = model.partition(":")
    if not (name and source.isidentifier()):
        return [
            "# A file of your own: TorchScript, ONNX, or an archive that is ready for Triton.",
            "model:",
            "  source: file",
            f"  path: {_scalar(model)}",
            "  # YOURS: as the model takes and gives them, without the batch; -1 is any size.",
            "  inputs: [{name: x, datatype: FP32, shape: [3, 224, 224]}]",
            "  outputs: [{name: y, datatype: FP32, shape: [1000]}]",
        ]
    return [
        "# Random weights are as fast as real ones and need no download; weights: pretrained has the real ones.",
        f"model: {{source: {_scalar(source)}, name: {_scalar(name)}, weights: random}}",
    ]


def _platforms(wishes: Wishes) -> list[str]:
    if not wishes.platforms:
        return ["# A ready archive says itself what it is served as."]
    return [
        "# One run for each; options: {kind: onnx, precision: fp16, max_batch_size: 8, instances: 1}",
        f"platforms: [{', '.join(map(_scalar, wishes.platforms))}]",
    ]


def _endpoint(wishes: Wishes) -> list[str]:
    if not wishes.instance_types:
        memory = "" if wishes.memory is None else f", memory: {_scalar(wishes.memory)}"
        return [
            "# A multi-model endpoint with Triton on this machine; memory is that of GPUs where there are any.",
            f"endpoint: {{kind: local{memory}}}",
        ]
    return [
        "# Endpoints are created for the benchmark and deleted after it; mmebench doctor says what is missing.",
        "endpoint:",
        "  kind: sagemaker",
        f"  instance_types: [{', '.join(map(_scalar, wishes.instance_types))}]",
        "  # role: arn:aws:iam::123456789012:role/mmebench   # yours; mmebench iam-policy prints what it needs",
        "  # region: us-east-1                               # that of your AWS profile unless told",
        "  # bucket: my-archives                             # SageMaker's own of the account unless told",
        "  lifetime: 1h   # longest life of one endpoint",
        "  budget: 20     # US dollars, for all of them together",
    ]


def _workload() -> list[str]:
    return [
        "workload:",
        "  # JSON is what many clients send, and much slower; batch: rows a request.",
        "  payload: {encoding: binary, batch: 1}",
        "  # uniform: every target is asked for as often; {kind: zipf, s: 1.1}: few of them most of the time.",
        "  popularity: {kind: uniform}",
        "  # Users, each of whom waits for an answer before it asks again: as many as it takes to find the knee",
        "  # and the most that hold the objectives. Instead: {stages: [{users: 4, duration: 30s}]}; of arrivals",
        "  # {kind: poisson} they have a rate.",
        "  profile: auto",
    ]


def _objectives(p99: str | None) -> list[str]:
    limit = "" if p99 is None else f"p99: {_scalar(p99)}, "
    return [
        "# The exit code is 1 when they are missed at every load.",
        f"objectives: {{{limit}failures: 0}}",
        "",
        "# What else can be measured: loads of one target at a time, and more targets than fit.",
        "# experiments: [{kind: cold_starts}, {kind: working_set}]",
    ]


def _scalar(text: str) -> str:
    """As YAML within a flow mapping, quoted where it has to be."""
    return yaml.safe_dump(text, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")
