"""How many files and connections a process may have open at once."""

import resource


def allow_open_files(wanted: int) -> int:
    """Let this process, and what it starts from now on, have so many open, as far as its hard limit goes.

    Returns:
        How many that are now: ``wanted`` or more, unless the hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
