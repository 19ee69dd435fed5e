"""How the files of a run are named."""

from typing import Annotated, Literal

from pydantic import Field

Layout = Literal["stars", "plain"]
"""``instance*platform*targets``, as other tools expect it, or ``instance__platform__targets``."""

AnyLayout = Annotated[
    Layout,
    Field(description="names of files: instance*platform*targets, or plain instance__platform__targets"),
]
