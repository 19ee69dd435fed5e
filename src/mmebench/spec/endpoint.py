"""Which endpoint: where the models are served."""

from typing import Literal

from pydantic import ByteSize, Field

from mmebench.spec.strict import Name, Strict


class LocalEndpoint(Strict):
    """A multi-model endpoint on this machine: a real Triton behind the SageMaker Runtime API."""

    kind: Literal["local"] = "local"
    name: Name = "local"
    memory: ByteSize = Field(
        ByteSize(4 * 1024**3), gt=0, description="what resident targets may use together; then one is evicted"
    )
    container: Literal["auto", "triton", "python"] = Field(
        "auto", description="auto: triton where it runs, else the Python fallback, labelled as such"
    )
