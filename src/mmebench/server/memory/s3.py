"""Archives in S3, or in anything that speaks its API: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL says where."""

import shutil
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmebench.aws_settings import aws_settings_errors, find_credentials, open_session, sign_in_advice
from mmebench.errors import BadInputError, MmebenchError, disk_errors
from mmebench.server.memory.archives import no_archive
from mmebench.wire.target_names import TargetError, archive_name

SCHEME = "s3://"
_CHUNK = 1024 * 1024
_CONNECTIONS = 64
"""As many targets as may be loaded at once."""


class S3Error(MmebenchError):
    """S3 does not answer, or not as it should."""


class S3Archives:
    """An :class:`~mmebench.server.memory.archives.ArchiveSource`: objects below a prefix, by key and ETag."""

    def __init__(self, url: str) -> None:
        """``url`` is ``s3://bucket/prefix``; credentials and region are those that boto3 finds.

        Raises:
            BadInputError: there is no such bucket, no credentials or wrong settings, or they may not list it.
        """
        import boto3
        from botocore.config import Config

        self.url = url
        self.bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        if not self.bucket:
            raise BadInputError(f"{url}: no bucket; give s3://bucket/prefix")
        config = Config(connect_timeout=5, read_timeout=60, max_pool_connections=_CONNECTIONS)
        session = open_session()
        find_credentials(session)
        with aws_settings_errors():
            self._client: Any = boto3.Session(botocore_session=session).client("s3", config=config)
        try:
            self.is_empty()
        except (S3Error, TargetError) as error:
            raise BadInputError(str(error)) from None

    def version(self, target: str) -> Hashable:
        """Key and ETag."""
        key = self._key(target)
        with self._errors(target):
            return key, str(self._client.head_object(Bucket=self.bucket, Key=key)["ETag"])

    @contextmanager
    def open(self, target: str, version: Hashable, scratch: Path) -> Iterator[Path]:
        """The archive, downloaded; what was uploaded under its key since then is refused."""
        key, etag = version if isinstance(version, tuple) else ("", "")
        with tempfile.TemporaryDirectory(dir=scratch, prefix=".download-") as folder:
            path = Path(folder, Path(key).name)
            with self._errors(target), disk_errors(path), path.open("wb") as file:
                answer = self._client.get_object(Bucket=self.bucket, Key=key, IfMatch=etag)
                shutil.copyfileobj(answer["Body"], file, _CHUNK)
            yield path

    def confirm(self, target: str, version: Hashable) -> None:
        """A download is of one version, by itself."""

    def is_empty(self) -> bool:
        """Whether nothing is below the prefix."""
        with self._errors(""):
            answer = self._client.list_objects_v2(Bucket=self.bucket, Prefix=self._prefix, MaxKeys=1)
            return not answer.get("KeyCount")

    def _key(self, target: str) -> str:
        return f"{self._prefix}{archive_name(target)}"

    @contextmanager
    def _errors(self, target: str) -> Iterator[None]:
        """What botocore says, as one line that says what to do."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        where = f"{SCHEME}{self.bucket}/{self._key(target) if target else self._prefix}"
        try:
            yield
        except NoCredentialsError as error:
            raise TargetError(f"{where}: no AWS credentials; {sign_in_advice(error)}") from None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if code == "NoSuchBucket" or (status == 404 and not target):
                raise TargetError(
                    f"{where}: there is no bucket {self.bucket}; check its name and region"
                ) from None
            if status == 404:
                raise no_archive(target) from None
            if status == 412:
                raise TargetError(f"{where} was replaced while it was read; ask again") from None
            if status in (401, 403):
                raise TargetError(
                    f"{where}: access denied ({code}); the credentials need s3:GetObject and s3:ListBucket"
                ) from None
            raise S3Error(f"{where}: {error}") from None
        except BotoCoreError as error:
            how = sign_in_advice(error)
            raise S3Error(f"{where}: {error}{f'; {how}' if how else ''}") from None
