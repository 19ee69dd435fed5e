"""What is set up for AWS on this machine: profiles and credentials, and what is wrong with them, as one message.

botocore, and what it starts to get credentials, raise exceptions of many kinds. All of it is asked for here, so
that no other place needs to know them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from mmebench.errors import BadInputError

_SETTINGS = "correct AWS_PROFILE and the other AWS_ variables, ~/.aws/config and ~/.aws/credentials"
_REASONS = 300
"""Letters of what somebody else's program says."""


def open_session(profile: str | None = None) -> Any:
    """botocore's session of ``profile``, or of AWS_PROFILE and the other variables; its settings have been read.

    Raises:
        BadInputError: there is no such profile, or a file that cannot be read.
    """
    import botocore.session

    with aws_settings_errors(profile):
        session = botocore.session.Session(profile=profile)
        session.get_scoped_config()
        read_services_once(session)
        return session


def read_services_once(session: Any) -> None:
    """Give botocore's session what others read of AWS' services: each would parse the same megabytes anew."""
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))


@cache
def _loader(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def find_credentials(session: Any) -> Any | None:
    """What botocore's provider chain finds, asked once whether it works; None where there is nothing.

    Raises:
        BadInputError: something is set up, and gives no credentials: nobody is signed in, a file or a program is
            not there, a role may not be taken on.
    """
    with aws_settings_errors(session.profile):
        found = session.get_credentials()
        if found is not None:
            found.get_frozen_credentials()
        return found


@contextmanager
def aws_settings_errors(profile: str | None = None) -> Iterator[None]:
    """Turn whatever goes wrong while settings and credentials are looked for into one clear error.

    Args:
        profile: whose they are; that of AWS_PROFILE unless told.

    Raises:
        BadInputError: in place of all that botocore, the files it reads and the programs it starts raise.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, OSError, ValueError, EOFError) as error:
        raise BadInputError(f"AWS settings: {in_words(error, profile)}") from None


def in_words(error: Exception, profile: str | None = None) -> str:
    """What it says, and what to do: sign in where nobody is signed in, correct the settings otherwise."""
    said = " ".join(str(error).split())[:_REASONS] or type(error).__name__
    return f"{said.rstrip('.')}; {sign_in_advice(error, profile) or _SETTINGS}"


def sign_in_advice(error: Exception, profile: str | None = None) -> str | None:
    """How to get credentials, where that is what was missing; None for any other error."""
    from botocore import exceptions as botocore

    name = profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    of_profile = f" --profile {name}" if name else ""
    match error:
        case botocore.SSOError() | botocore.TokenRetrievalError() | botocore.NoAuthTokenError():
            return f"run `aws sso login{of_profile}`"
        case botocore.LoginError():
            return f"run `aws login{of_profile}`"
        case botocore.NoCredentialsError():
            return "set AWS_PROFILE (endpoint.profile in a spec) or run `aws configure`"
        case botocore.MissingDependencyException():
            return "install what it names with pip, in the environment of mmebench"
        case (
            botocore.CredentialRetrievalError()
            | botocore.MetadataRetrievalError()
            | botocore.RefreshWithMFAUnsupportedError()
        ):
            return f"see whether `aws sts get-caller-identity{of_profile}` works, and correct what it names"
    return None
