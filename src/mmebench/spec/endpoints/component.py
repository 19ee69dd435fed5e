"""What SageMaker reserves for an inference component, and how many accelerators its instances have."""

from pydantic import Field

from mmebench.spec.strict import Size, Strict

_MEBIBYTE = 1024 * 1024
_ACCELERATED = ("g", "p", "inf", "trn", "dl")
"""Families of instance types that have GPUs, or chips like them, begin with one of these and a digit."""
_SEVERAL = {
    "g4dn": {"12xlarge": 4},
    "g5": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g6": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g6e": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "p2": {"8xlarge": 8, "16xlarge": 16},
    "p3": {"8xlarge": 4, "16xlarge": 8},
    "p4d": {"24xlarge": 8},
    "p4de": {"24xlarge": 8},
    "p5": {"48xlarge": 8},
    "p5e": {"48xlarge": 8},
    "p5en": {"48xlarge": 8},
}
"""By family and size, those with more than one (Amazon EC2, accelerated computing instances)."""


def accelerators_of(instance_type: str) -> int:
    """How many GPUs, or chips like them, an instance of SageMaker's has; one where its size is not known here.

    Args:
        instance_type: ``ml.g5.12xlarge``; whatever is not called like that has none.
    """
    sagemaker, family, size = (*instance_type.split("."), "", "")[:3]
    if sagemaker != "ml":
        return 0
    accelerated = any(family.startswith(each) and family[len(each) :][:1].isdigit() for each in _ACCELERATED)
    return _SEVERAL.get(family, {}).get(size, 1) if accelerated else 0


class Component(Strict):
    """What an inference component of each target reserves, and then has alone, for as long as it is there."""

    memory_per_copy: Size = Field(
        ge=128 * _MEBIBYTE,
        description="of the instance's own memory, for each copy; a multi-model run says what a model takes there",
    )
    accelerators: int | None = Field(
        None,
        ge=0,
        le=16,
        description="whole GPUs for each copy: SageMaker gives no part of one; 1 unless told, or 0 without any",
    )
    cores: float | None = Field(None, ge=0.25, le=192, description="of the instance's CPUs, for each copy")
    copies: int = Field(1, ge=1, le=100, description="of each component, over all instances")

    def requirements(self, instance_type: str) -> dict[str, float]:
        """``ComputeResourceRequirements`` of CreateInferenceComponent."""
        on_gpu = min(1, accelerators_of(instance_type)) if self.accelerators is None else self.accelerators
        wanted: dict[str, float | None] = {
            "MinMemoryRequiredInMb": -(-self.memory_per_copy // _MEBIBYTE),
            "NumberOfAcceleratorDevicesRequired": on_gpu or None,
            "NumberOfCpuCoresRequired": self.cores,
        }
        return {name: value for name, value in wanted.items() if value is not None}
