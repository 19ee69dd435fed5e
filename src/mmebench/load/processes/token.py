"""The token: a secret that the hosts of one load share. Whoever has it may lead the load or take a share in it."""

import os
import secrets
import stat
from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.spec.workload import Workers
from mmebench.wire.addresses import is_loopback

VARIABLE = "MMEBENCH_TOKEN"
INSECURE = "MMEBENCH_INSECURE"
"""Set for the processes of a load that may be joined without a token, by whoever can reach it."""
_LEAST = 32
_MAKE = "make one with `openssl rand -hex 32`"


def token_of(workers: Workers) -> str | None:
    """The token of a load on other hosts; None where it needs none, as nobody else can, or all may, join it.

    Raises:
        BadInputError: there is no token that can be used, and other hosts can reach the load.
    """
    token = read_token(workers.token)
    if token is None and not workers.insecure and not is_loopback(workers.address[0]):
        raise BadInputError(
            f"workload.workers.listen: got {workers.listen}, which other hosts can reach, and no token, so that "
            f"anybody could join the load; {_MAKE} and set {VARIABLE} to it here and on each worker, or name a "
            "file that holds it as workload.workers.token; insecure: true does without"
        )
    return token


def token_for(host: str, file: Path | None, insecure: bool) -> str | None:
    """The token of a worker of the load that ``host`` leads; see :func:`token_of`.

    Raises:
        BadInputError: there is no token that can be used, and the load is led by another host.
    """
    token = read_token(file)
    if token is None and not insecure and not is_loopback(host):
        raise BadInputError(
            f"got {host}, which is another host, and no token to know it by; set {VARIABLE} or give --token FILE, "
            "as where the load is led; --insecure does without, where its spec says insecure: true"
        )
    return token


def shared_token() -> str | None:
    """What the processes of a load that are started now have in common; None where anybody may join.

    Where nothing was said, a new one, which only those know that are forked from this process.
    """
    return None if os.environ.get(INSECURE) else read_token(None) or secrets.token_hex(_LEAST)


def hand_over(token: str | None) -> dict[str, str]:
    """This process's environment with the token for another; a command line would be read by every user."""
    others = {name: value for name, value in os.environ.items() if name not in (VARIABLE, INSECURE)}
    return others | ({INSECURE: "1"} if token is None else {VARIABLE: token})


def read_token(file: Path | None) -> str | None:
    """The token in ``file``, or else in the environment; None where there is none.

    Raises:
        BadInputError: the file cannot be read, others than its owner can read it, or it holds too little.
    """
    if file is None:
        token, where = os.environ.get(VARIABLE, "").strip(), VARIABLE
        if not token:
            return None
    else:
        token, where = _read(file), str(file)
    if len(token) < _LEAST:
        raise BadInputError(f"{where}: got a token of {len(token)} characters; allowed: {_LEAST} or more; {_MAKE}")
    return token


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & 0o077:
                raise BadInputError(
                    f"{file}: got mode {mode:04o}; allowed: 0600, so that nobody else reads the token; "
                    f"chmod 600 {file}"
                )
            return opened.read(4096).strip()
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}; it is to hold the token of the load") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{file}: not a text file; it is to hold the token of the load") from None
