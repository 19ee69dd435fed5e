"""A container: the Python fallback under another label."""

from mmebench.server.containers.python import PythonRecipe


class PlainRecipe(PythonRecipe):
    """Starts what the fallback starts."""

    def label(self, version: str) -> str:
        """What results call it."""
        return "plain"
