"""AWS Signature Version 4 for InvokeEndpoint, with everything that does not change rendered once.

The method is that of the AWS documentation, "Create a signed AWS API request"; botocore's signer gives the
same result and is what the tests compare with. It is not used in the measured path because it costs tens of
microseconds and a hash of the whole body for every request.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """What a request is signed with. ``repr`` does not show the secrets."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key[:4]}…)"


class Signer:
    """Signs requests to one path of one host; a request differs in target, body and time only."""

    def __init__(self, credentials: Credentials, region: str, host: str, path: str) -> None:
        """``path`` must be in the form that is sent: characters other than ``A-Za-z0-9-._~/`` percent-encoded."""
        self._credentials = credentials
        self._region = region
        self._host = host
        # SigV4 encodes the encoded path once more; a SageMaker endpoint name needs neither.
        self._path = path.replace("%", "%25")
        self._token = credentials.session_token
        names = ["content-type", "host", "x-amz-date", "x-amzn-sagemaker-target-model"]
        if self._token:
            names.insert(3, "x-amz-security-token")
        self._signed_names = ";".join(names)
        self._day = ""
        self._key = b""

    def headers(self, target: str, content_type: str, body_sha256: str, now: datetime) -> dict[str, str]:
        """The headers to send, signature included.

        Args:
            target: goes into ``X-Amzn-SageMaker-Target-Model``.
            content_type: of the body.
            body_sha256: hexadecimal; hash a body once and send it often.
            now: the time of the request in UTC; AWS refuses one more than five minutes off.
        """
        timestamp = now.strftime("%Y%m%dT%H%M%SZ")
        token_line = f"x-amz-security-token:{self._token}\n" if self._token else ""
        canonical = (
            f"POST\n{self._path}\n\n"
            f"content-type:{_canonical(content_type)}\nhost:{self._host}\nx-amz-date:{timestamp}\n"
            f"{token_line}x-amzn-sagemaker-target-model:{_canonical(target)}\n\n"
            f"{self._signed_names}\n{body_sha256}"
        )
        scope = f"{timestamp[:8]}/{self._region}/sagemaker/aws4_request"
        to_sign = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(timestamp[:8]), to_sign.encode(), "sha256").hex()
        headers = {
            "Content-Type": content_type,
            "X-Amz-Date": timestamp,
            "X-Amzn-SageMaker-Target-Model": target,
            "Authorization": (
                f"{ALGORITHM} Credential={self._credentials.access_key}/{scope}, "
                f"SignedHeaders={self._signed_names}, Signature={signature}"
            ),
        }
        if self._token:
            headers["X-Amz-Security-Token"] = self._token
        return headers

    def _signing_key(self, day: str) -> bytes:
        """The key of the day, derived once a day."""
        if day != self._day:
            key = f"AWS4{self._credentials.secret_key}".encode()
            for part in (day, self._region, "sagemaker", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key


def _canonical(value: str) -> str:
    """A header value as it is signed: trimmed, runs of white space made one space."""
    return " ".join(value.split())
