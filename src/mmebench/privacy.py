"""What must not be written down: results, logs and messages go to people who have no business with an account."""

import re

_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
"""An AWS account number: twelve digits by themselves."""


def hide_accounts(text: str) -> str:
    """``text`` with each account number replaced by ``ACCOUNT``."""
    return _ACCOUNT.sub("ACCOUNT", text)
