"""Routing: which of several instances gets a request; what the planner assumes and a local endpoint does."""

from typing import Annotated, Literal

from pydantic import Field

Routing = Literal["sticky", "hashed", "random", "least_outstanding"]

AnyRouting = Annotated[
    Routing,
    Field(
        description="sticky: to the instance that has the model, and from a busy one to a second copy, as "
        "SageMaker says of its own; hashed: each model on one instance; random; least_outstanding: to the "
        "instance with the fewest requests"
    ),
]
Busy = Annotated[
    int,
    Field(
        ge=1,
        le=4000,
        description="sticky: requests in service on an instance from which on it is busy; AWS does not say",
    ),
]
