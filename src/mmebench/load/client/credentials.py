"""Whom requests are signed as."""

from collections.abc import Callable
from urllib.parse import urlsplit

from mmebench import aws_settings
from mmebench.errors import BadInputError, MmebenchError
from mmebench.wire.addresses import is_loopback
from mmebench.wire.signing import Credentials

_LOCAL = Credentials("LOCAL", "local-endpoint")


def find_credentials(url: str, profile: str | None = None) -> Callable[[], Credentials]:
    """What gives those of botocore's provider chain, refreshed before they expire, each time it is called.

    For an endpoint on this machine, which checks none, it is a fixed pair.

    Args:
        url: of the endpoint.
        profile: whose they are; that of AWS_PROFILE unless told.

    Raises:
        BadInputError: the endpoint is elsewhere and the chain has none, or settings that cannot be used. What is
            returned raises MmebenchError when they cannot be refreshed any more.
    """
    if is_loopback(urlsplit(url).hostname or ""):
        return lambda: _LOCAL
    session = aws_settings.open_session(profile)
    found = aws_settings.find_credentials(session)
    if found is None:
        raise BadInputError(
            f"{url}: no AWS credentials found; set AWS_PROFILE (endpoint.profile in a spec) or run `aws configure`"
        )

    def current() -> Credentials:
        try:
            with aws_settings.aws_settings_errors(session.profile):
                frozen = found.get_frozen_credentials()
        except BadInputError as error:  # they could be had when the load began
            raise MmebenchError(f"the credentials have expired and cannot be renewed: {error}") from None
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current
