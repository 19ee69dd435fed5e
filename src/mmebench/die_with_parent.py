"""``python -I -S die_with_parent.py PARENT SIGNAL COMMAND…``: become COMMAND, which gets SIGNAL when PARENT dies.

Run as a file. It sits between fork and exec because Python code between the two can deadlock in a process that
has threads. Linux only; elsewhere the command just runs.
"""

import os
import sys

_PR_SET_PDEATHSIG = 1


def dying_with_parent(command: list[str], on_parent_death: int) -> list[str]:
    """``command``, so that the kernel sends it that signal when the thread that starts it ends."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(on_parent_death)), *command]


def main() -> None:
    """Ask the kernel for the signal, then become the command."""
    import ctypes

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(sys.argv[2]))
    if os.getppid() != int(sys.argv[1]):  # the parent died before the kernel knew of our wish, or before we ran
        sys.exit(1)
    os.execv(sys.argv[3], sys.argv[3:])


if __name__ == "__main__":
    main()
