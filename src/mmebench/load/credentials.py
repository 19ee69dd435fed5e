"""Whom requests are signed as."""

import ipaddress
from urllib.parse import urlsplit

from mmebench.errors import BadInputError
from mmebench.load.signer import Credentials

_LOCAL = Credentials("LOCAL", "local-endpoint")


def find_credentials(url: str) -> Credentials:
    """Those of botocore's provider chain; a fixed pair for an endpoint on this machine, which checks none.

    Raises:
        BadInputError: the endpoint is elsewhere and the chain has none.
    """
    if _is_loopback(urlsplit(url).hostname or ""):
        return _LOCAL
    import botocore.session

    found = botocore.session.get_session().get_credentials()
    if found is None:
        raise BadInputError(f"{url}: no AWS credentials found; set AWS_PROFILE or run `aws configure`")
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
