"""The job that compiles by AOTInductor, in an image of the user's with PyTorch."""

import shlex
from collections.abc import Sequence

from typing_extensions import override

from mmebench.endpoints.sagemaker.build_job import JobBuilder, Program
from mmebench.errors import BadInputError
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint


class CompileJob(JobBuilder):
    """Compiles exported programs for the GPU of the instance."""

    def __init__(self, spec: SageMakerEndpoint) -> None:
        """``spec`` is of one instance type, and its ``engine_builder`` is not ``local``.

        Raises:
            BadInputError: it names no image that compiles.
        """
        if spec.lacks_compiler is not None:
            raise BadInputError(spec.lacks_compiler)
        assert spec.compiler_image is not None, "nothing else is lacked"
        super().__init__(spec, spec.compiler_image)

    @override
    def program(self, options: Sequence[str]) -> Program:
        command = f"python3 -u $source/compiler.py $source $target --device cuda {shlex.join(options)}"
        return Program("compiler", self._image, command.rstrip())
