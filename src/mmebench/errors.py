"""What can go wrong, said once: what was got, what is allowed, what to do.

Every error a user can meet is a :class:`MmebenchError`. The command line prints its message without a
traceback and exits with its ``exit_code``; anything else that escapes is a defect of mmebench.
"""


class MmebenchError(Exception):
    """The benchmark could not do what was asked; what it had measured is kept."""

    exit_code = 3


class BadInputError(MmebenchError):
    """What the user gave (spec, file, option) cannot be used; nothing was started."""

    exit_code = 2
