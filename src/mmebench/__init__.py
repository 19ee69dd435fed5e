"""mmebench: the benchmark for GPU multi-model endpoints.

The public API is :class:`~mmebench.api.Benchmark`, :func:`~mmebench.api.load_results`,
:func:`~mmebench.api.compare` and what they return.
"""

TYPE_CHECKING = False  # as type checkers know it by name; every command would have to wait for typing
if TYPE_CHECKING:
    from mmebench.api import Benchmark, Results, compare, load_results

__all__ = ["Benchmark", "Results", "compare", "load_results"]


def __getattr__(name: str) -> object:
    # Looked up when it is asked for: a command that needs none of it should not wait for it.
    if name in __all__:
        from mmebench import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
