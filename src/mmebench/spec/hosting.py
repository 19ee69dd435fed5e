"""Hosting: how models are put behind endpoints, and so how a request names one."""

from typing import Literal

Hosting = Literal["multi-model", "components", "single"]
"""Archives behind one endpoint, loaded on demand; an inference component a model behind one; an endpoint each."""
