"""``mmebench init``: a first spec, from flags or from answers."""

import sys
from pathlib import Path

import click

from mmebench.errors import BadInputError

_MODEL = "timm:resnet18"
_PLATFORMS = "pt, onnx"


@click.command()
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False), default=Path("mmebench.yaml"))
@click.option("--model", help="SOURCE:NAME of timm, torchvision or huggingface, or the path of a file.")
@click.option("--models", "folder", metavar="FOLDER", help="Of archives (*.tar.gz), each a model of a fleet.")
@click.option(
    "--platform", "platforms", multiple=True, metavar="KIND", help="pt, onnx, openvino, trt; repeatable."
)
@click.option(
    "--instance-type",
    "instance_types",
    multiple=True,
    metavar="TYPE",
    help="Of SageMaker; repeatable. Else local.",
)
@click.option("--memory", help="Budget of a local endpoint, as 2GiB.")
@click.option("--p99", help="Look for the largest load that holds it, as 200ms.")
def init(
    spec: Path,
    model: str | None,
    folder: str | None,
    platforms: tuple[str, ...],
    instance_types: tuple[str, ...],
    memory: str | None,
    p99: str | None,
) -> int:
    """Write a commented SPEC (mmebench.yaml) to begin with.

    What no flag says is asked for in a terminal, and has a default elsewhere.
    """
    from mmebench.replacing import write_whole
    from mmebench.spec.first_spec import Wishes, write_spec
    from mmebench.spec.reading import read_spec

    if spec.exists():
        raise BadInputError(
            f"{spec}: there is such a file; give another name, mmebench init NAME.yaml, or remove it"
        )
    if instance_types and memory is not None:
        raise BadInputError("got --memory and --instance-type; a SageMaker instance has the memory that it has")
    if folder is not None and (model is not None or platforms):
        raise BadInputError("got --models and --model or --platform; the archives of a folder say it themselves")
    if folder is None and model is None:
        model = _ask("Model, SOURCE:NAME of timm, torchvision, huggingface, or a file", _MODEL)
    if model is not None and not platforms and not model.endswith(".tar.gz"):
        platforms = _words(_ask("Platforms: pt, onnx, openvino, trt", _PLATFORMS))
    if not instance_types and memory is None:
        where = _ask("SageMaker instance types, or local for this machine", "local")
        instance_types = () if where.strip() == "local" else _words(where)
    if p99 is None:
        p99 = _ask("Largest p99 latency, as 200ms; none looks at rising loads instead", "none")
    limit = None if p99.strip() == "none" else p99
    text = write_spec(Wishes(model, platforms, folder, instance_types, memory, limit))
    import yaml

    read_spec(yaml.safe_load(text), "these answers")
    write_whole(spec, text)
    click.echo(f"{spec}: next, mmebench check {spec}, then mmebench run {spec}")
    return 0


def _ask(question: str, default: str) -> str:
    if not sys.stdin.isatty():
        return default
    answer: str = click.prompt(question, default=default, err=True)
    return answer


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)
