"""Files below a folder that the desk file names, or the command line, or the environment."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from pipeline.domain.errors import SettingsError
from pipeline.domain.public_url import PublicUrl, public_url
from pipeline.domain.settings import Settings

DATA_FOLDER: Final = "HEDGE_DATA"
"""Environment variable that names the folder; `--data` sets it."""
LOCAL: Final = ("file", "local")
"""Kinds of URL of this machine."""


def _as_text(folder: Any) -> Any:
    return str(folder) if isinstance(folder, Path) else folder


class FolderOfFiles(Settings):
    """What desks on files as they are shipped have in common: where these lie."""

    folder: Annotated[PublicUrl | None, BeforeValidator(_as_text)] = None
    """Where they lie, a path or a URL; None takes `--data` or the environment variable HEDGE_DATA."""
    quarantine_limit: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Largest share of all rows that may fail a check."""

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The folder of the files as a path, or as a URL that fsspec knows.

        Raises
        ------
        SettingsError
            It is named nowhere.
        """
        named = self.folder or os.environ.get(DATA_FOLDER)
        if named is None:
            raise SettingsError(
                f"the {self.label} have no folder: give --data FOLDER, set {DATA_FOLDER}, or write "
                "data.folder into the desk file"
            )
        return str(named)

    @property
    def place(self) -> Path | None:
        """The folder on this machine, from which other files are seen; None where it is elsewhere."""
        kind, is_url, path = self.url.partition("://")
        if not is_url:
            return Path(self.url)
        return Path(path) if kind in LOCAL else None


def located(named: str | None) -> str | None:
    """Return a URL as it is, and a path as it is seen from everywhere.

    Raises
    ------
    SettingsError
        A URL holds a secret, see `public_url`.

    Examples
    --------
    >>> located("s3://bucket/ticks"), located("/data/../ticks"), located(None)
    ('s3://bucket/ticks', '/ticks', None)
    """
    if named is None or "://" not in named:
        return named if named is None else str(Path(named).expanduser().resolve())
    try:
        return public_url(named)
    except ValueError as error:
        raise SettingsError(str(error)) from None
