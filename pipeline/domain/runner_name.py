"""How a run is told where its days are computed and kept."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from pipeline.domain.errors import SettingsError

RUNNER: Final = "HEDGE_RUNNER"
"""Environment variable; `--runner` sets it."""
STORE: Final = "HEDGE_STORE"
"""Environment variable: URL of the tables by instrument and day; `--store` sets it."""


@dataclass(frozen=True)
class RunnerName:
    """What `--runner` means: `processes` of this machine, or a Dask scheduler at `address`, else neither."""

    processes: int = 0
    address: str = ""

    @classmethod
    def of(cls, text: str) -> "RunnerName":
        """Return what a text means.

        Raises
        ------
        SettingsError
            It means nothing, or a package that it needs is not installed.

        Examples
        --------
        >>> RunnerName.of("local:2")
        RunnerName(processes=2, address='')
        >>> RunnerName.of("ray:1")
        Traceback (most recent call last):
        ...
        pipeline.domain.errors.SettingsError: --runner ray:1: give local:N or dask://HOST:PORT
        """
        if not text:
            return cls()
        if found := re.fullmatch(r"local:([1-9]\d{0,2})", text):
            return cls(processes=int(found[1]))
        if found := re.fullmatch(r"dask://([^/\s]+:\d+)/?", text):
            missing = [name for name in ("distributed", "prefect_dask") if find_spec(name) is None]
            if missing:
                raise SettingsError(f"--runner {text} needs {missing[0]}: pip install 'regime-hedge[dask]'")
            return cls(address=found[1])
        raise SettingsError(f"--runner {text}: give local:N or dask://HOST:PORT")
