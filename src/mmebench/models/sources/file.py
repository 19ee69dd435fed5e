"""Models of the user's own: TorchScript, AOTInductor, ONNX, or an archive that is ready for Triton."""

from mmebench.errors import BadInputError
from mmebench.models.model import ModelFile
from mmebench.spec import FileModel
from mmebench.spec.sources.file import FORMS


def load(spec: FileModel) -> ModelFile:
    """The file that ``spec`` names. Whether its content fits is for the platform to say, which reads it.

    Raises:
        BadInputError: no such file, or a form that nothing here serves.
    """
    check_file(spec)
    return ModelFile(spec.label, spec.path, spec.inputs, spec.outputs)


def check_file(spec: FileModel) -> None:
    """Refuse a name or a place that cannot be; see :func:`load`."""
    if spec.form is None:
        raise BadInputError(
            f"model.path: got {spec.path.name}; allowed: a name that ends in {', '.join(FORMS)}; export the "
            "model to one of them"
        )
    if not spec.path.is_file():
        raise BadInputError(f"model.path: no file {spec.path}; give the path of a model file")
