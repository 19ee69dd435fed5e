"""SageMaker's Triton images, and what each can serve: the one place that knows versions.

Versions: AWS Deep Learning Containers. CUDA and TensorRT: NVIDIA's support matrix of deep learning frameworks.
Hosts: the SageMaker API reference of ProductionVariant.InferenceAmiVersion. AOTInductor: release notes of Triton.
PyTorch: that of NVIDIA's PyTorch image of the same release, whose libtorch Triton's backend takes (build.py of
Triton's server), as its users record ``torch.__version__`` (``2.12.0a0+….nv26.05``).
"""

from typing import Literal, NamedTuple

InferenceAmi = Literal[
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2023-ami-sagemaker-inference-gpu-4-1",
]
"""``ProductionVariantInferenceAmiVersion`` of the SageMaker API, the values for GPUs."""

AOTI_FROM = "26.03"
"""The first whose PyTorch backend serves packages of AOTInductor."""
AOTI_BATCHES_FROM = "26.06"
"""The first that executes several rows, or requests, of such a model at once."""
_PYTORCH = {
    "26.03": (2, 11), "26.04": (2, 12), "26.05": (2, 12), "26.06": (2, 13), "26.07": (2, 13), "26.08": (2, 14),
}  # fmt: skip
"""Of those that serve AOTInductor: builds from before PyTorch's release of that number."""


class TritonImage(NamedTuple):
    """What is in an image of a version."""

    version: str
    """``25.09``: year and month of Triton's release; they sort as text."""
    cuda: tuple[int, int]
    tensorrt: int
    """Its major version; 10 also for 11, as engines are built alike for both."""

    @property
    def ami(self) -> InferenceAmi:
        """The host image with the oldest driver that is no older than the one Triton's image was built for."""
        return next((ami for cuda, ami in _AMIS if self.cuda <= cuda), _NEWEST_AMI)


_AMIS: tuple[tuple[tuple[int, int], InferenceAmi], ...] = (
    ((12, 2), "al2-ami-sagemaker-inference-gpu-2"),
    ((12, 4), "al2-ami-sagemaker-inference-gpu-3-1"),
)
"""Up to this CUDA: driver 535, driver 550."""
_NEWEST_AMI: InferenceAmi = "al2023-ami-sagemaker-inference-gpu-4-1"
"""Driver 580, CUDA 13.0; CUDA 13.1 and later run on it by the compatibility of CUDA's minor versions."""

IMAGES = {
    image.version: image
    for image in (
        TritonImage("21.08", (11, 4), 8),
        TritonImage("22.05", (11, 7), 8),
        TritonImage("22.07", (11, 7), 8),
        TritonImage("22.10", (11, 8), 8),
        TritonImage("22.12", (11, 8), 8),
        TritonImage("23.01", (12, 0), 8),
        TritonImage("23.02", (12, 0), 8),
        TritonImage("23.03", (12, 1), 8),
        TritonImage("23.04", (12, 1), 8),
        TritonImage("23.05", (12, 1), 8),
        TritonImage("23.06", (12, 1), 8),
        TritonImage("23.07", (12, 1), 8),
        TritonImage("23.08", (12, 2), 8),
        TritonImage("23.09", (12, 2), 8),
        TritonImage("23.10", (12, 2), 8),
        TritonImage("23.12", (12, 3), 8),
        TritonImage("24.01", (12, 3), 8),
        TritonImage("24.03", (12, 4), 8),
        TritonImage("24.05", (12, 4), 10),
        TritonImage("24.09", (12, 6), 10),
        TritonImage("25.04", (12, 9), 10),
        TritonImage("25.09", (13, 0), 10),
        TritonImage("26.03", (13, 2), 10),
        TritonImage("26.04", (13, 2), 10),
        TritonImage("26.05", (13, 2), 10),
    )
}
"""Those that SageMaker lists, oldest first."""
NEWEST = max(IMAGES)


def pytorch_of(version: str) -> tuple[int, int] | None:
    """Major and minor version of the PyTorch in the backend of Triton ``version``; None: it is not known."""
    return _PYTORCH.get(version)


def find_image(version: str) -> TritonImage | None:
    """What is known of ``version``; of a newer one than all, what the newest has. None: there is none."""
    if version > NEWEST:
        return IMAGES[NEWEST]._replace(version=version)
    return IMAGES.get(version)
