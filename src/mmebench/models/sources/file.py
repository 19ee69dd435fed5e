"""Models of the user's own: TorchScript, ONNX, or an archive that is ready for Triton."""

from mmebench.errors import BadInputError
from mmebench.models.model import ModelFile, safe_name
from mmebench.spec import FileModel

_FORMS = (".pt", ".onnx", ".tar.gz")


def load(spec: FileModel) -> ModelFile:
    """The file that ``spec`` names. Whether its content fits is for the platform to say, which reads it.

    Raises:
        BadInputError: no such file, or a form that nothing here serves.
    """
    form = next((form for form in _FORMS if spec.path.name.endswith(form)), None)
    if form is None:
        raise BadInputError(f"model.path: got {spec.path.name}; allowed: a name that ends in {', '.join(_FORMS)}")
    if not spec.path.is_file():
        raise BadInputError(f"model.path: no file {spec.path}; give the path of a model file")
    return ModelFile(safe_name(spec.path.name.removesuffix(form)), spec.path, spec.inputs, spec.outputs)
