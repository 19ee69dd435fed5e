"""Checks AWS Signature Version 4, as the SageMaker Runtime does.

The method is that of the AWS documentation, "Create a signed AWS API request". Codes and messages are those that
AWS services give; boto3 shows them as they are.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_from_bytes

from mmebench.aws_settings import find_credentials, open_session
from mmebench.errors import BadInputError
from mmebench.wire.answers import RefusedError
from mmebench.wire.http_head import RequestHead

_ALGORITHM = b"AWS4-HMAC-SHA256"
_SERVICE = b"sagemaker"
_SKEW = timedelta(minutes=5)
_TIME = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    rb"AWS4-HMAC-SHA256 +Credential=([^/, ]+)/(\d{8})/([^/, ]+)/([^/, ]+)/aws4_request, *"
    rb"SignedHeaders=([a-z0-9;._-]+), *Signature=([0-9a-f]{64})"
)
_MUST_BE_SIGNED = (b"x-amz-", b"x-amzn-sagemaker-")


class SignatureCheck:
    """Knows one pair of keys; ``repr`` does not show it."""

    def __init__(self, access_key: str, secret_key: str, session_token: str | None = None) -> None:
        self._access_key = access_key.encode()
        self._secret_key = secret_key.encode()
        self._token = (session_token or "").encode()

    @classmethod
    def from_environment(cls) -> "SignatureCheck":
        """With the credentials that boto3 finds in this process.

        Raises:
            BadInputError: it finds none, or settings that cannot be used.
        """
        found = find_credentials(open_session())
        if found is None:
            raise BadInputError(
                "--require-sigv4: no credentials to check signatures with; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY to those that clients will use"
            )
        keys = found.get_frozen_credentials()
        return cls(keys.access_key, keys.secret_key, keys.token)

    def check(self, head: RequestHead, body: Iterable[bytes], now: datetime) -> None:
        """Raise RefusedError (403) unless it was signed with our keys, within five minutes of ``now``."""
        headers = head.headers
        authorization = headers.get(b"authorization")
        if authorization is None:
            raise _refused("MissingAuthenticationTokenException", "Missing Authentication Token")
        match = _AUTHORIZATION.fullmatch(authorization)
        if match is None:
            raise _refused("IncompleteSignatureException", "Authorization header is not one of AWS4-HMAC-SHA256")
        access_key, day, region, service, names, signature = match.groups()
        token = headers.get(b"x-amz-security-token", b"")
        if not hmac.compare_digest(access_key, self._access_key) or not hmac.compare_digest(token, self._token):
            raise _refused("UnrecognizedClientException", "The security token included in the request is invalid.")
        if service != _SERVICE:
            raise _invalid("Credential should be scoped to correct service: 'sagemaker'.")
        stamp = headers.get(b"x-amz-date", b"")
        _check_time(stamp, day, now)
        signed = names.split(b";")
        _check_names(signed, headers)
        digest = hashlib.sha256()
        for chunk in body:
            digest.update(chunk)
        scope = b"/".join((day, region, service, b"aws4_request"))
        canonical = _canonical(head, signed, digest.hexdigest().encode())
        to_sign = b"\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical).hexdigest().encode()))
        key = b"AWS4" + self._secret_key
        for part in scope.split(b"/"):
            key = hmac.digest(key, part, "sha256")
        if not hmac.compare_digest(hmac.digest(key, to_sign, "sha256").hex().encode(), signature):
            raise _invalid(
                "The request signature we calculated does not match the signature you provided. Check your AWS "
                "Secret Access Key and signing method. Consult the service documentation for details."
            )


def _check_time(stamp: bytes, day: bytes, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(stamp.decode("ascii", "replace"), _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise _refused("IncompleteSignatureException", "X-Amz-Date is not like 20260102T030405Z") from None
    if not stamp.startswith(day):
        raise _invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
    text, present = stamp.decode(), now.strftime(_TIME)
    if signed_at < now - _SKEW:
        limit = (now - _SKEW).strftime(_TIME)
        raise _invalid(f"Signature expired: {text} is now earlier than {limit} ({present} - 5 min.)")
    if signed_at > now + _SKEW:
        limit = (now + _SKEW).strftime(_TIME)
        raise _invalid(f"Signature not yet current: {text} is still later than {limit} ({present} + 5 min.)")


def _check_names(signed: list[bytes], headers: Mapping[bytes, bytes]) -> None:
    """What decides about the request must be under the signature."""
    required = [b"host", *(name for name in headers if name.startswith(_MUST_BE_SIGNED))]
    missing = [name.decode("ascii", "replace") for name in required if name not in signed]
    if missing:
        raise _invalid(f"'{missing[0]}' must be a 'SignedHeader' in the AWS Authorization.")


def _canonical(head: RequestHead, signed: list[bytes], body_digest: bytes) -> bytes:
    """The canonical request; what was sent percent-encoded is encoded once more."""
    path, _, query = head.target.partition(b"?")
    lines = [b"%b:%b" % (name, b" ".join(head.headers.get(name, b"").split())) for name in signed]
    encoded = quote_from_bytes(path, safe="/-_.~").encode()
    return b"\n".join([head.method, encoded, query, *lines, b"", b";".join(signed), body_digest])


def _invalid(message: str) -> RefusedError:
    return _refused("InvalidSignatureException", message)


def _refused(code: str, message: str) -> RefusedError:
    return RefusedError(403, code, message)
