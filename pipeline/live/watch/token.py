"""The token of those who may change a desk's state: from the environment or a private file, never shown."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline.domain.errors import SettingsError
from pipeline.live.private_file import PRIVATE, read_private

VARIABLE: Final = "HEDGE_TOKEN"
FILE_VARIABLE: Final = "HEDGE_TOKEN_FILE"
LEAST: Final = 16
"""Characters."""


class Token:
    """A secret that tells whether it was named; it has no text form, and keeps the secret's hash alone.

    Examples
    --------
    >>> token = Token("a-secret-of-many-letters")
    >>> token.matches("a-secret-of-many-letters"), token.matches("another"), token
    (True, False, Token(...))
    """

    def __init__(self, secret: str) -> None:
        self._digest = _digest(secret)

    def matches(self, told: str) -> bool:
        """Tell whether this is the secret, in a time that does not depend on where they differ."""
        return hmac.compare_digest(self._digest, _digest(told))

    def __repr__(self) -> str:
        return "Token(...)"


def told_secret(environment: Mapping[str, str], usual: Path) -> str | None:
    """Return the secret of `HEDGE_TOKEN`, of the file `HEDGE_TOKEN_FILE`, or of the usual file, if any.

    Raises
    ------
    SettingsError
        A file is missing, or others than its owner may read it; the secret is too short to be one.
    """
    if VARIABLE in environment:
        return _long_enough(environment[VARIABLE], VARIABLE)
    named = environment.get(FILE_VARIABLE)
    if named is None and not usual.exists():
        return None
    place = usual if named is None else Path(named).expanduser()
    return _long_enough(read_private(place, "token file"), str(place))


def made_secret(usual: Path) -> str:
    """Return a new secret, written into a private file that was not there."""
    secret = secrets.token_urlsafe(32)
    usual.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(usual, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:  # another desk made it just now
        return read_private(usual, "token file")
    with os.fdopen(file, "w") as opened:
        os.fchmod(file, PRIVATE)
        opened.write(f"{secret}\n")
    return secret


def _long_enough(secret: str, where: str) -> str:
    if len(secret) < LEAST or not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise SettingsError(
            f"{where}: a token has at least {LEAST} letters, digits and signs without spaces: "
            "openssl rand -hex 32 makes one"
        )
    return secret


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
