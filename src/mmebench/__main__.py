"""``python -m mmebench`` is the ``mmebench`` command."""

import os
import sys

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of the signal."""


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 and without a traceback, from the first import on.

    Only what the interpreter imports before it gets here is out of reach. That is why this file imports nothing
    that is not there already, and the package nothing at all.
    """
    try:
        import gc

        # Much is imported and hardly any of it goes again: looking through it takes a sixth of the start.
        gc.set_threshold(50_000)
        from mmebench.cli import main as run

        run()
    except KeyboardInterrupt:  # before there was anything to stop
        print("mmebench: interrupted", file=sys.stderr)
        _leave()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _leave()
        _let_go()
        raise
    except BaseException:
        _let_go()
        raise


def _leave() -> None:
    """End with the exit code, which the interpreter does not where Ctrl-C came during somebody's ``exec``."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)


def _let_go() -> None:
    """What is left to do is the interpreter's; Ctrl-C ends that, too, without a word."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


if __name__ == "__main__":
    main()
