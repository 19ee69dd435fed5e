"""``python -m mmebench`` is the ``mmebench`` command."""

from mmebench.cli import main

main()
