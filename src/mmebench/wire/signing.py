"""AWS Signature Version 4 for the SageMaker Runtime.

The method is that of the AWS documentation, "Create a signed AWS API request". botocore's signer gives the same
result and is what the tests compare with; it is not used in the measured path because it hashes the whole body
again for every request, and takes tens of microseconds besides.
"""

import hashlib
import hmac
from collections.abc import Mapping
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
    """Signs POST requests to one host."""

    def __init__(self, credentials: Credentials, region: str, host: str) -> None:
        """``host`` is what the Host header says, with a port that is not the default."""
        self._credentials = credentials
        self._region = region
        self._host = host
        self._day = ""
        self._key = b""

    def sign(self, path: str, headers: Mapping[str, str], body_sha256: str, now: datetime) -> dict[str, str]:
        """``headers``, all of which are signed, and those that carry the signature.

        Args:
            path: as it is sent.
            headers: content type, target model and the like; Host is added by whoever sends them.
            body_sha256: in hexadecimal; a body is hashed once and sent often.
            now: the time of the request, in UTC; AWS refuses one that is more than five minutes off.
        """
        timestamp = now.strftime("%Y%m%dT%H%M%SZ")
        sent = {**headers, "X-Amz-Date": timestamp}
        if self._credentials.session_token:
            sent["X-Amz-Security-Token"] = self._credentials.session_token
        lines = sorted(
            (name.lower(), " ".join(value.split())) for name, value in [*sent.items(), ("Host", self._host)]
        )
        names = ";".join(name for name, _ in lines)
        encoded = path.replace("%", "%25")  # what is sent percent-encoded is signed with that encoded once more
        canonical = "\n".join(
            ["POST", encoded, "", *(f"{name}:{value}" for name, value in lines), "", names, body_sha256]
        )
        scope = f"{timestamp[:8]}/{self._region}/sagemaker/aws4_request"
        to_sign = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(timestamp[:8]), to_sign.encode(), "sha256").hex()
        credential = f"{self._credentials.access_key}/{scope}"
        sent["Authorization"] = (
            f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
        return sent

    def _signing_key(self, day: str) -> bytes:
        """The key of the day, derived once a day."""
        if day != self._day:
            key = f"AWS4{self._credentials.secret_key}".encode()
            for part in (day, self._region, "sagemaker", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key
