"""The job that runs ``trtexec``, in the endpoint's image."""

import shlex
from collections.abc import Sequence

from typing_extensions import override

from mmebench.endpoints.engine_builder import EngineBuilder
from mmebench.endpoints.sagemaker.build_job import JobBuilder, Program
from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint


class EngineJob(JobBuilder, EngineBuilder):
    """Builds TensorRT engines."""

    def __init__(self, spec: SageMakerEndpoint) -> None:
        """``spec`` is of one instance type, and its ``engine_builder`` is not ``local``."""
        super().__init__(spec, image_uri(spec))
        # What is in an image of the user's is not known; most are newer than TensorRT 8.
        self.tensorrt = spec.triton_image.tensorrt if spec.triton_image is not None else 10

    @override
    def program(self, options: Sequence[str]) -> Program:
        files = "--onnx=$source/model.onnx --saveEngine=$target/model.plan --exportLayerInfo=$target/layers.json"
        # Wherever the image has it.
        trtexec = '"$(command -v trtexec || echo /usr/src/tensorrt/bin/trtexec)"'
        return Program("trtexec", self._image, f"{trtexec} {files} {shlex.join(options)}")
