"""``python -I -S die_with_parent.py SIGNAL COMMAND…``: become COMMAND, which gets SIGNAL when the parent dies.

Run as a file. It sits between fork and exec because Python code between the two can deadlock in a process that
has threads. Linux only; elsewhere the command just runs.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, then become the command."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(sys.argv[1]))
    if os.getppid() != parent:  # the parent died before the kernel knew of our wish
        sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
