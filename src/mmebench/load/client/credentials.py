"""Whom requests are signed as."""

from collections.abc import Callable
from urllib.parse import urlsplit

from mmebench.errors import BadInputError, aws_settings_errors
from mmebench.wire.addresses import is_loopback
from mmebench.wire.signing import Credentials

_LOCAL = Credentials("LOCAL", "local-endpoint")


def find_credentials(url: str) -> Callable[[], Credentials]:
    """What gives those of botocore's provider chain, refreshed before they expire, each time it is called.

    For an endpoint on this machine, which checks none, it is a fixed pair.

    Raises:
        BadInputError: the endpoint is elsewhere and the chain has none, or settings that cannot be used.
    """
    if is_loopback(urlsplit(url).hostname or ""):
        return lambda: _LOCAL
    import botocore.session

    with aws_settings_errors():
        found = botocore.session.get_session().get_credentials()
    if found is None:
        raise BadInputError(f"{url}: no AWS credentials found; set AWS_PROFILE or run `aws configure`")

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current
