"""Files that nobody but their owner may use: tokens and credentials."""

import os
import stat
from pathlib import Path
from typing import Final

from pipeline.domain.errors import SettingsError

PRIVATE: Final = 0o600


def read_private(place: Path, what: str) -> str:
    """Return the text of a file of one's own that others can neither read nor write.

    Parameters
    ----------
    place : the file.
    what : it is, for the message.

    Raises
    ------
    SettingsError
        It cannot be read, is no plain file of one's own, or its mode is not 600.
    """
    try:
        file = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SettingsError(f"{what} {place}: {error.strerror}") from None
    with os.fdopen(file) as opened:
        about = os.fstat(file)
        mode = stat.S_IMODE(about.st_mode)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
            raise SettingsError(f"{what} {place}: it must be a file of your own")
        if mode != PRIVATE:
            raise SettingsError(f"{what} {place}: its mode is {mode:o}, others may use it: chmod 600 it")
        return opened.read().strip()
